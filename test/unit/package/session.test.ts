import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  type CookieHeaderOptions,
  cookieHeaders,
  keysFromPem,
  openSessions,
  signCookies,
  verifySession,
} from '../../../package/server.ts'
import { ecPrivatePem } from '../fixtures/key-pairs.ts'

const now = new Date('2026-11-26T12:00:00Z')
const keys = keysFromPem({ keyPairId: 'KTEST', privateKey: ecPrivatePem })
const signed = await signCookies({ keys, url: 'https://cdn.example.com/users/42/*', expiresIn: 600, now })

describe('cookieHeaders', () => {
  test('writes the attributes of cookies for a sibling host', () => {
    const lines = cookieHeaders(signed, { domain: '.example.com' })
    expect(lines.map((line) => line.split('=')[0])).toEqual(Object.keys(signed.cookies))
    for (const line of lines) {
      expect(line.slice(line.indexOf(';'))).toBe(
        '; Max-Age=600; Domain=example.com; Path=/users/42/; HttpOnly; Secure; SameSite=Lax',
      )
    }
  })

  test('writes host-only cookies by default, and SameSite=None where it is asked for', () => {
    const [line = ''] = cookieHeaders(signed, { sameSite: 'None' })
    expect(line).toMatch(/; Path=\/users\/42\/; HttpOnly; Secure; SameSite=None$/)
    expect(line).not.toContain('Domain')
  })

  test.each<[string, CookieHeaderOptions]>([
    ['domain', { domain: 'example.org' }],
    ['domain', { domain: 'app.example.com' }],
    ['domain', { domain: 'ample.com' }],
    ['domain', { domain: '' }],
    ['path', { path: '/users/4' }],
    ['path', { path: '/users/42/x/' }],
    ['path', { path: 'users/' }],
    ['path', { path: '' }],
    ['sameSite', { sameSite: 'none' as 'None' }],
  ])('refuses a %s under which no browser would send them: %j', (field, options) => {
    expect(() => cookieHeaders(signed, options)).toThrow(expect.objectContaining({ fields: [field] }))
  })

  test.each(['/', '/users', '/users/'])('takes the wider path %s', (path) => {
    expect(cookieHeaders(signed, { path })[0]).toContain(`Path=${path};`)
  })
})

describe('verifySession', () => {
  const secret = 'a secret of at least 32 bytes, for tests'
  const options = { algorithms: ['HS256' as const], issuer: 'https://app.example.com', audience: null, secret }
  const token = (claims: object, key = secret) =>
    new SignJWT({ iss: 'https://app.example.com', sub: '42', exp: now.getTime() / 1000 + 60, ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(key))

  test('reads a cookie or a Bearer token, from headers of Node or of fetch', async () => {
    const sessions = openSessions(options)
    const jwt = await token({})
    const inCookie = { cookie: `a=b; __Host-session=${jwt}` }
    for (const headers of [inCookie, new Headers(inCookie), { Authorization: `Bearer ${jwt}` }]) {
      expect(await verifySession(headers, sessions, now)).toMatchObject({ sub: '42' })
    }
  })

  test('refuses a missing, foreign, expired and forged session, each with its code', async () => {
    const sessions = openSessions(options)
    const codeOf = async (headers: Record<string, string>) =>
      verifySession(headers, sessions, now).then(
        () => 'verified',
        (error: { code: string }) => error.code,
      )
    expect(await codeOf({})).toBe('ERR_SESSION_MISSING')
    expect(await codeOf({ authorization: `Bearer ${await token({ iss: 'https://evil.test' })}` })).toBe(
      'ERR_SESSION_INVALID',
    )
    expect(await codeOf({ authorization: `Bearer ${await token({ exp: now.getTime() / 1000 - 61 })}` })).toBe(
      'ERR_SESSION_EXPIRED',
    )
    expect(await codeOf({ authorization: `Bearer ${await token({}, 'x'.repeat(40))}` })).toBe('ERR_SESSION_INVALID')
  })

  test('names a wrong option', () => {
    expect(() => openSessions({ ...options, algorithms: ['none' as 'HS256'] })).toThrow(/algorithms/)
    expect(() => openSessions({ algorithms: ['RS256'], issuer: null, audience: null })).toThrow(/jwks/)
    expect(() => openSessions({ ...options, secret: 'short' })).toThrow(/secret/)
    expect(() => openSessions({ ...options, secret: undefined as unknown as string })).toThrow(/secret/)
  })
})
