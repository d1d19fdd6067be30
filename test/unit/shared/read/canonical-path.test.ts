import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePathSegment } from '../../../../shared/grant/resource-prefix.ts'
import { encodeReserved, isCanonicalPath } from '../../../../shared/read/canonical-path.ts'

describe('isCanonicalPath', () => {
  test.each(['/', '/a', '/a/', '/a.b/..c/...', '/a%20b', '/%C3%A9', '/it(1)+%2B!', '/[x]^|', '/100%25'])(
    '%s is',
    (path) => {
      expect(isCanonicalPath(path)).toBe(true)
    },
  )

  test.each([
    '',
    'a',
    '//',
    '/a//b',
    '/.',
    '/..',
    '/a/./b',
    '/a/../b',
    '/a/..',
    '/%2E%2E/',
    '/a%2Fb',
    '/a%5Cb',
    '/a\\b',
    '/%61',
    '/%c3%A9',
    '/%C3',
    '/%C0%AF',
    '/%ED%A0%80',
    '/%',
    '/%2',
    '/%00',
    '/%7F',
    '/a b',
    '/é',
    '/a\n',
    '/a?b',
    '/a#b',
  ])('%j is not', (path) => {
    expect(isCanonicalPath(path)).toBe(false)
  })

  test('holds for whatever the encoder writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(!/[*?/\\\p{Cc}\p{Surrogate}\ufffd]/u.test(text) && text !== '.' && text !== '..')
        expect(isCanonicalPath(`/users/${encodePathSegment(text)}/x`)).toBe(true)
      }),
    )
  })

  test('means that decoding each segment and encoding it again changes nothing', () => {
    const piece = fc.oneof(
      fc.constantFrom('/', '.', '..', '%', '%2', '%2F', '%2f', '%C3%A9', '%C0%AF', '%ED%A0%80', '%61', '%20', '[', 'a'),
      fc.string({ maxLength: 2 }),
      fc.integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
    )
    const path = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)
    fc.assert(
      fc.property(path, (value) => {
        expect(isCanonicalPath(value)).toBe(value.slice(1).split('/').every(isOneSpelling))
      }),
      { numRuns: 5000 },
    )
  })
})

test('encodeReserved writes a path as the encoder of segments does', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '+', '%2B', '@', '%C3%A9', '.', '~', '(', "'", '!', '|')), (pieces) => {
      const path = `/x${pieces.join('')}`
      expect(encodeReserved(path)).toBe(`/${encodePathSegment(decodeURIComponent(path.slice(1)))}`)
    }),
  )
})

/** By the platform's own decoder: another way to the same answer. */
function isOneSpelling(segment: string, i: number, all: readonly string[]): boolean {
  if (segment === '') return i === all.length - 1
  const percent = (c: string) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  // Either form of these may stand, as clients differ.
  const either = /[!$&'()*+,;=:@[\]^|]/g
  const sent = segment.replace(either, percent)
  try {
    const text = decodeURIComponent(sent)
    const written = encodeURIComponent(text).replace(either, percent)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule refuses
    return text !== '.' && text !== '..' && !/[/\\\u0000-\u001f\u007f]/.test(text) && written === sent
  } catch {
    return false
  }
}
