import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePathSegment } from '../../../../shared/grant/path-segment.ts'
import { isCanonicalPath } from '../../../../shared/http/canonical-path.ts'

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
        fc.pre(!/[*?/\\\p{Cc}\p{Surrogate}]/u.test(text) && text !== '.' && text !== '..')
        expect(isCanonicalPath(`/users/${encodePathSegment(text)}/x`)).toBe(true)
      }),
    )
  })
})
