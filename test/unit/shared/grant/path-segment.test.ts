import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GrantError } from '../../../../shared/errors.ts'
import { decodePathSegment, encodePathSegment } from '../../../../shared/grant/resource-prefix.ts'

/** Texts that can be a segment, rich in the characters that readers treat specially. */
const segmentTexts = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(...".%2eEfF5cC~!'()&=+;,:@# é😀"), minLength: 1, maxLength: 12 }),
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what the encoder refuses
  .filter((text) => text !== '.' && text !== '..' && !/[*?/\\\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(text))

describe('encodePathSegment', () => {
  test.each([
    ['alice', 'alice'],
    ['alice@example.com', 'alice%40example.com'],
    ['google-oauth2|1234', 'google-oauth2%7C1234'],
    ['A-._~9', 'A-._~9'],
    ["!'()", '%21%27%28%29'],
    ['a b+c', 'a%20b%2Bc'],
    ['100%', '100%25'],
    ['%2e%2e', '%252e%252e'],
    ['...', '...'],
    ['é', '%C3%A9'],
    ['😀', '%F0%9F%98%80'],
  ])('%s becomes %s', (value, segment) => expect(encodePathSegment(value)).toBe(segment))

  test.each(['', '.', '..', 'a*', 'a?', 'a/b', 'a\\b', '\0', 'a\n', '\r', '\x7f', '\x85', '\ud800', 'a\udc00b'])(
    'refuses %j',
    (value) => {
      expect(() => encodePathSegment(value)).toThrow(GrantError)
      expect(() => encodePathSegment(value)).toThrow(expect.objectContaining({ code: 'ERR_GRANT_CLAIM' }))
    },
  )

  test('round-trips, in unreserved characters and escapes only', () => {
    fc.assert(
      fc.property(segmentTexts, (text) => {
        const segment = encodePathSegment(text)
        expect(segment).toMatch(/^([A-Za-z0-9._~-]|%[0-9A-F]{2})+$/)
        expect(decodeURIComponent(segment)).toBe(text)
        expect(decodePathSegment(segment)).toBe(text)
      }),
    )
  })

  test('is left as it is by a URL parser', () => {
    fc.assert(
      fc.property(segmentTexts, (text) => {
        const path = `/users/${encodePathSegment(text)}/`
        expect(new URL(path, 'https://cdn.example.com').pathname).toBe(path)
      }),
    )
  })

  test('gives different texts different segments', () => {
    fc.assert(
      fc.property(segmentTexts, segmentTexts, (a, b) => {
        expect(encodePathSegment(a) === encodePathSegment(b)).toBe(a === b)
      }),
    )
  })
})

test.each(['%61', '%7e', '%c3%a9', 'a%2Fb', '%2E%2E', '%', '%FF', '', 'a b'])(
  'decodePathSegment refuses %j',
  (segment) => expect(decodePathSegment(segment)).toBeUndefined(),
)
