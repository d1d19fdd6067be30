import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachmentNamed } from '../../../../shared/assets/download-name.ts'
import { requestedDownloadName } from '../../../../shared/assets/requested-download-name.ts'

describe('requestedDownloadName', () => {
  it('reads what attachmentNamed wrote, encoded once', () => {
    const names = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((name) => !/[*?/\\\p{Cc}]|^\.{1,2}$/u.test(name))
    fc.assert(
      fc.property(names, (name) => {
        const header = attachmentNamed(name)
        expect(requestedDownloadName(encodeURIComponent(header))).toBe(header)
        expect(header).toMatch(/^[!-~ ]+$/)
      }),
    )
  })

  it.each([
    'inline',
    'attachment',
    "inline; filename*=UTF-8''a.html",
    'attachment; filename="a.html"',
    "attachment; filename*=UTF-8''a;x",
    "attachment; filename*=UTF-8''a\r\nset-cookie: x",
    "attachment; filename*=UTF-8''",
    "attachment; filename*=UTF-8''%zz",
    "attachment; filename*=ISO-8859-1''a",
  ])('passes %j over', (header) => {
    expect(requestedDownloadName(encodeURIComponent(header))).toBeUndefined()
  })

  it('passes over what is malformed or long', () => {
    expect(requestedDownloadName('%')).toBeUndefined()
    expect(requestedDownloadName(encodeURIComponent(attachmentNamed('a'.repeat(2400))))).toBeUndefined()
  })
})
