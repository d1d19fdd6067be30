import { describe, expect, test } from 'vitest'
import { maxPrefixLength } from '../../../../shared/grant/resource-prefix.ts'
import {
  enclosingPrefixes,
  isStampNewer,
  parseRevocationValue,
  revocationKey,
  revocationValue,
} from '../../../../shared/revocation/key-value.ts'

test('revocationKey fits a KeyValueStore key for every prefix', () => {
  expect(revocationKey('/users/alice/')).toBe('revoked/users/alice/')
  expect(revocationKey('x'.repeat(maxPrefixLength)).length).toBeLessThanOrEqual(512)
})

describe('parseRevocationValue', () => {
  test('reads back what revocationValue wrote', () => {
    expect(revocationValue(1767225720)).toBe('{"before":1767225720}')
    expect(parseRevocationValue(revocationValue(1767225720))).toBe(1767225720)
  })

  test.each(['', '{', 'null', '{}', '[]', '{"before":"1"}', '{"before":null}'])(
    'revokes everything where the value is %j',
    (json) => {
      expect(isStampNewer(4_000_000_000, parseRevocationValue(json), 4_000_000_000)).toBe(false)
    },
  )
})

test('isStampNewer wants a later second', () => {
  expect(isStampNewer(11, 10, 20)).toBe(true)
  expect(isStampNewer(10, 10, 20)).toBe(false)
  expect(isStampNewer(undefined, 10, 20)).toBe(false)
})

test('isStampNewer takes no stamp that is older than the longest life of cookies', () => {
  const oldest = 86_400 + 300
  expect(isStampNewer(11, 10, 11 + oldest)).toBe(true)
  expect(isStampNewer(11, 10, 12 + oldest)).toBe(false)
})

test.each([
  ['/users/alice/a/b.raw', 8, ['/users/', '/users/alice/', '/users/alice/a/']],
  ['/users/alice/a/b.raw', 2, ['/users/', '/users/alice/']],
  ['/users/alice/', 8, ['/users/', '/users/alice/']],
  ['/users', 8, []],
  ['/', 8, []],
  ['', 8, []],
])('enclosingPrefixes of %j, at most %i', (path, deepest, prefixes) =>
  expect(enclosingPrefixes(path, deepest)).toEqual(prefixes),
)
