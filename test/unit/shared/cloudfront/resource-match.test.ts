import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPrefixPattern, matchesResource } from '../../../../shared/cloudfront/resource-match.ts'

/** The definition, word for word, with no care for time. */
function matchesNaively(pattern: string, url: string): boolean {
  if (pattern === '') return url === ''
  if (pattern[0] === '*') {
    return matchesNaively(pattern.slice(1), url) || (url !== '' && matchesNaively(pattern, url.slice(1)))
  }
  return url !== '' && (pattern[0] === '?' || pattern[0] === url[0]) && matchesNaively(pattern.slice(1), url.slice(1))
}

describe('matchesResource', () => {
  test.each([
    ['https://h/users/alice/*', 'https://h/users/alice/', true],
    ['https://h/users/alice/*', 'https://h/users/alice/a/b?c=d', true],
    ['https://h/users/alice/*', 'https://h/users/alice', false],
    ['https://h/users/alice/*', 'https://h/users/alice2/x', false],
    ['https://h/users/alice/*', 'http://h/users/alice/x', false],
    ['https://h/users/alice/*', 'https://h.evil/users/alice/x', false],
    ['https://h/a', 'https://h/a?x=1', false],
    ['https://h/a?x=1', 'https://h/a?x=1', true],
    ['https://h/a.raw', 'https://h/aXraw', false],
    ['http*://h/*', 'https://h/x', true],
    ['*', '', true],
    ['?', '', false],
    ['', '', true],
  ])('%s and %s: %s', (pattern, url, expected) => expect(matchesResource(pattern, url)).toBe(expected))

  test('agrees with the definition', () => {
    const text = (letters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength })
    const seen = { true: 0, false: 0 }
    fc.assert(
      fc.property(text('ab*?', 8), text('ab?', 10), (pattern, url) => {
        const expected = matchesNaively(pattern, url)
        seen[`${expected}`] += 1
        expect(matchesResource(pattern, url)).toBe(expected)
      }),
      { numRuns: 3000 },
    )
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(100)
  })

  test('covers nothing where it would take more than 64 steps for each character', () => {
    const url = `${'a'.repeat(4000)}b`
    expect(matchesResource(`*${'a'.repeat(1000)}b`, url)).toBe(false)
    // As the same pattern does where a match is near.
    expect(matchesResource(`*${'a'.repeat(3980)}b`, url)).toBe(true)
    expect(matchesResource(`*${'a'.repeat(20)}b`, url)).toBe(true)
  })

  test('takes no exponential time', () => {
    // Thirty stars: a backtracking matcher would need longer than the universe is old. The time-out of the test is the check.
    expect(matchesResource(`${'*a'.repeat(30)}b`, 'a'.repeat(8192))).toBe(false)
  })
})

test.each([
  ['https://h/users/alice/*', true],
  ['https://h/users/alice/x', true],
  ['*', true],
  ['', true],
  ['https://h/*/x', false],
  ['https://h/**', false],
  ['https://h/?', false],
  ['https://h/?*', false],
])('%s may be matched before its signature is verified: %s', (pattern, expected) =>
  expect(isPrefixPattern(pattern)).toBe(expected),
)
