import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachmentNamed, downloadNameQuery } from '../../../../shared/assets/download-name.ts'
import { requestedDownloadName } from '../../../../shared/assets/requested-download-name.ts'

describe('attachmentNamed', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ["it's (1) & 2.txt", "it's (1) & 2.txt"],
    ['Zoë "1" 100%.bin', 'Zo_ _1_ 100_.bin'],
    ['日本.txt', '__.txt'],
    ['😀', '_'],
  ])('has a plain name for clients that know no filename*: %s', (name, plain) => {
    expect(attachmentNamed(name)).toMatch(/^attachment; filename="[ -~]*"; filename\*=UTF-8''/)
    expect(attachmentNamed(name).split('"')[1]).toBe(plain)
  })
})

describe('requestedDownloadName', () => {
  it('reads what attachmentNamed wrote, encoded once', () => {
    const names = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((name) => !/[*?/\\\p{Cc}\ufffd]|^\.{1,2}$/u.test(name))
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
    "attachment; filename*=UTF-8''a\n",
    'attachment; filename="a"; filename*=UTF-8\'\'a\n',
    `attachment; filename="a"b"; filename*=UTF-8''a`,
    `attachment; filename="a\\"; filename*=UTF-8''a`,
    `attachment; filename=a; filename*=UTF-8''a`,
    `attachment; filename="é"; filename*=UTF-8''a`,
    "attachment; filename*=UTF-8''%zz",
    "attachment; filename*=ISO-8859-1''a",
  ])('passes %j over', (header) => {
    expect(requestedDownloadName(encodeURIComponent(header))).toBeUndefined()
  })

  it('reads links from before, which had no plain name', () => {
    const header = "attachment; filename*=UTF-8''a.txt"
    expect(requestedDownloadName(encodeURIComponent(header))).toBe(header)
  })

  it('reads the longest name there is', () => {
    for (const name of [' '.repeat(255), 'é'.repeat(127), '('.repeat(255)]) {
      const value = downloadNameQuery(name).split('=')[1] ?? ''
      expect(requestedDownloadName(value), name[0]).toBe(attachmentNamed(name))
    }
  })

  it('passes over what is malformed or long', () => {
    expect(requestedDownloadName('%')).toBeUndefined()
    expect(requestedDownloadName(encodeURIComponent(attachmentNamed('a'.repeat(2400))))).toBeUndefined()
  })
})
