import { describe, expect, test } from 'vitest'
import { contains, objectKeyPrefix, parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'

describe('parseResourcePrefix', () => {
  test.each(['/users/alice/', '/users/alice%40example.com/x/', '/a/'])('takes %s', (prefix) =>
    expect(parseResourcePrefix(prefix)).toBe(prefix),
  )

  test.each([
    '',
    '/',
    '//',
    'users/alice/',
    '/users/alice',
    '/users//alice/',
    '/users/../',
    '/users/./a/',
    '/users/%2E%2E/',
    '/users/alice*/',
    '/users/alice?/',
    '/users/a@b/',
    '/users/a%2fb/',
    '/users/a%2Fb/',
    '/users/a%5Cb/',
    '/users/%61/',
    '/users/é/',
    '/users/a\n/',
  ])('refuses %j', (value) =>
    expect(() => parseResourcePrefix(value)).toThrow(expect.objectContaining({ code: 'ERR_GRANT_CLAIM' })),
  )

  test('has at most 400 bytes', () => {
    expect(parseResourcePrefix(`/${'a'.repeat(398)}/`)).toHaveLength(400)
    expect(() => parseResourcePrefix(`/${'a'.repeat(399)}/`)).toThrow(
      expect.objectContaining({ code: 'ERR_GRANT_CLAIM' }),
    )
  })

  test('does not repeat the value in the message', () => {
    expect(() => parseResourcePrefix('/users/Mallory*/')).toThrow(/^(?!.*Mallory)/)
  })
})

test('contains goes by whole segments', () => {
  const alice = parseResourcePrefix('/users/alice/')
  expect(contains(alice, alice)).toBe(true)
  expect(contains(alice, parseResourcePrefix('/users/alice/private/'))).toBe(true)
  expect(contains(alice, parseResourcePrefix('/users/alice2/'))).toBe(false)
})

test('objectKeyPrefix decodes once', () => {
  expect(objectKeyPrefix(parseResourcePrefix('/users/a%40b/%252e/'))).toBe('users/a@b/%2e/')
})
