import { stringifySetCookie } from 'cookie'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cookieAttributes, setCookie } from '../../../../shared/http/set-cookie.ts'

const internal = expect.objectContaining({ code: 'ERR_INTERNAL' })
const scope = { path: '/users/alice/', maxAge: 60, domain: null }
const attributes = cookieAttributes(scope)

const charsOf = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i))
const octets = charsOf(0x21, 0x7e).filter((c) => !'",;\\'.includes(c))

describe('a Set-Cookie line', () => {
  test('is what the cookie library writes, for every value that needs no escape there', () => {
    const plain = [...'ABCXYZabcxyz0189-_.~!*()']
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...plain) }),
        fc.integer({ min: -1, max: 2 ** 40 }),
        fc.constantFrom('/', '/_edge/', "/users/a%40b/it's/"),
        fc.constantFrom(null, 'example.com', 'a-b.example.com'),
        fc.boolean(),
        (value, maxAge, path, domain, secure) => {
          const ours = setCookie('edge-grants', value, cookieAttributes({ path, maxAge, domain, secure }))
          const common = { name: 'edge-grants', value, path, maxAge, secure, httpOnly: true, sameSite: 'lax' } as const
          expect(ours).toBe(stringifySetCookie(domain === null ? common : { ...common, domain }))
        },
      ),
    )
  })

  test('takes every cookie octet as it is', () => {
    expect(setCookie('a', octets.join(''), '')).toBe(`a=${octets.join('')}`)
  })

  test.each([...charsOf(0, 0x20), '"', ',', ';', '\\', '\u007f', '\u00e9', '\u2028'])(
    'refuses a value with %j',
    (c) => {
      expect(() => setCookie('a', `x${c}`, attributes)).toThrow(internal)
      expect(() => setCookie('a', `${c}x`, attributes)).toThrow(internal)
    },
  )

  test.each(['', 'a=b', 'a b', 'a;b', 'a\r\nb', 'ä', '(a)'])('refuses the name %j', (name) => {
    expect(() => setCookie(name, 'x', attributes)).toThrow(internal)
  })

  test('does not repeat a refused value', () => {
    expect(() => setCookie('a', 'secret;', attributes)).not.toThrow(/secret/)
    expect(() => setCookie('a', 'secret;', attributes)).toThrow(internal)
  })
})

describe('the attributes', () => {
  test.each(['', 'users/', '/a;b/', '/a\nb/', '/a b/', '/é/'])('refuse the path %j', (path) => {
    expect(() => cookieAttributes({ ...scope, path })).toThrow(internal)
  })

  test.each(['', 'a b', 'a;b', 'a\nb', 'ä.example'])('refuse the domain %j', (domain) => {
    expect(() => cookieAttributes({ ...scope, domain })).toThrow(internal)
  })

  test.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('refuse the age %d', (maxAge) => {
    expect(() => cookieAttributes({ ...scope, maxAge })).toThrow(internal)
  })
})
