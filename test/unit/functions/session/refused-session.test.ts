import { createHmac, type webcrypto } from 'node:crypto'
import { exportSPKI, SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  app,
  configOf,
  distributionHost,
  edgeFunction,
  navigation,
  sessionSecret,
  start,
  token,
  withSession,
} from './edge.ts'

const warn = vi.spyOn(console, 'warn')
beforeEach(() => {
  warn.mockClear()
  warn.mockImplementation(() => {})
})
afterEach(() => {
  expect(logged()).not.toMatch(/eyJ|PRIVATE|CloudFront-|edge-grants|alice/)
})
function logged(): string {
  return warn.mock.calls.flat().join('\n')
}

const hs256 = () => configOf({}, { algorithms: ['HS256'], jwksUrl: null })
const hsToken = (claims: object = {}, secret = sessionSecret) =>
  new SignJWT({ sub: 'alice', iss: app.issuer, aud: app.audience, iat: start, exp: start + 7200, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret))

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

describe('no session', () => {
  test('is 401 for a fetch, with a challenge and nothing fetched', async () => {
    const { send, loads } = edgeFunction()
    const reply = await send()
    expect([reply.status, reply.code]).toEqual([401, 'ERR_SESSION_MISSING'])
    expect(reply.header('www-authenticate')).toBe('Bearer')
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.lines).toEqual([])
    expect(loads).toEqual({ secret: 0, state: 0, keySet: 0 })
    expect(warn.mock.calls).toEqual([['{"level":"warn","code":"ERR_SESSION_MISSING","requestId":"request-1"}']])
  })

  test('is readable for an allowed origin', async () => {
    const reply = await edgeFunction().send({ headers: { origin: 'https://app.example.com' } })
    expect(reply.header('access-control-allow-origin')).toBe('https://app.example.com')
    expect(reply.header('cross-origin-resource-policy')).toBe('same-site')
  })

  test('is a page for a navigation without a login URL', async () => {
    const reply = await edgeFunction().send({ headers: navigation, query: 'return=/users/alice/x' })
    expect(reply.status).toBe(401)
    expect(reply.text).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(reply.text).toContain('ERR_SESSION_MISSING')
    expect(reply.text).not.toContain('/users/alice')
    expect(reply.header('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /)
    expect(reply.header('cache-control')).toBe('no-store')
  })

  test('sends a navigation to the login page, and from there back to be minted', async () => {
    const at = async (loginUrl: string, query = 'return=/users/alice/x%3Fa%3Db') =>
      (await edgeFunction(configOf({}, { loginUrl })).send({ headers: navigation, query })).header('location')
    const mint = '/_edge/session?from=login&return=%2Fusers%2Falice%2Fx%3Fa%3Db'
    expect(await at('/dev/login')).toBe(`/dev/login?return=${encodeURIComponent(mint)}`)
    expect(await at('https://app.example.com/login?x=1')).toBe(
      `https://app.example.com/login?x=1&return=${encodeURIComponent(`https://${distributionHost}${mint}`)}`,
    )
    expect(await at('https://app.example.com/#/login', '')).toBe(
      `https://app.example.com/?return=${encodeURIComponent(`https://${distributionHost}/_edge/session?from=login`)}#/login`,
    )
  })

  test('sends a bad and an expired session there too, with 302', async () => {
    const { send } = edgeFunction(configOf({}, { loginUrl: '/login' }))
    for (const jwt of [await token({ exp: start - 100 }), 'a.b.c']) {
      const reply = await send(withSession(jwt, { headers: navigation }))
      expect([reply.status, reply.header('location')]).toEqual([302, '/login?return=%2F_edge%2Fsession%3Ffrom%3Dlogin'])
      expect(reply.header('cache-control')).toBe('no-store')
    }
  })

  test('does not send anybody to the login page twice', async () => {
    const { send } = edgeFunction(configOf({}, { loginUrl: '/login' }))
    const query = 'from=login&return=%2Fusers%2Falice%2Fx'
    const without = await send({ headers: navigation, query })
    // The request has no cookie of the sign-in: the browser blocks them.
    expect([without.status, without.header('location')]).toEqual([403, undefined])
    expect(without.text).toContain('ERR_NO_COOKIES')
    for (const [jwt, code] of [
      [await token({ exp: start - 100 }), 'ERR_SESSION_EXPIRED'],
      [await token({ aud: 'another' }), 'ERR_SESSION_INVALID'],
    ] as const) {
      const reply = await send(withSession(jwt, { headers: navigation, query }))
      expect([reply.status, reply.header('location')]).toEqual([401, undefined])
      expect(reply.text).toContain(code)
    }
    expect((await send({ query })).code).toBe('ERR_SESSION_MISSING')
    expect((await send(withSession(await token(), { headers: navigation, query }))).status).toBe(303)
  })

  test('does not send back and forth whom the login page cannot help', async () => {
    const { send } = edgeFunction(configOf({}, { loginUrl: '/login' }))
    const jwt = await token()
    const reply = await send({ headers: { ...navigation, cookie: `__Host-session=${jwt}; __Host-session=${jwt}` } })
    expect(reply.status).toBe(401)
    expect(reply.text).toContain('ERR_SESSION_DUPLICATE')
  })
})

describe('where the token comes from', () => {
  test('Bearer works without a cookie, whatever the case of the scheme', async () => {
    const { send } = edgeFunction()
    const jwt = await token()
    expect((await send({ headers: { authorization: `Bearer ${jwt}` } })).status).toBe(200)
    expect((await send({ headers: { authorization: `bearer   ${jwt}` } })).status).toBe(200)
  })

  test('Bearer wins over the cookie, also when it is the bad one', async () => {
    const { send } = edgeFunction()
    const [alice, bob] = [await token(), await token({ sub: 'bob' })]
    const both = await send(withSession(alice, { headers: { authorization: `Bearer ${bob}` } }))
    expect(JSON.parse(both.text).prefixes).toEqual(['/users/bob/'])
    for (const authorization of ['Bearer nonsense', 'Bearer', 'Bearer ', `Bearer ${bob}, Bearer ${bob}`]) {
      const reply = await send(withSession(alice, { headers: { authorization } }))
      expect([reply.status, reply.code]).toEqual([401, 'ERR_SESSION_INVALID'])
    }
  })

  test('another scheme is not ours: the cookie counts', async () => {
    const reply = await edgeFunction().send(withSession(await token(), { headers: { authorization: 'Basic YTpi' } }))
    expect(reply.status).toBe(200)
  })

  test('the cookie twice is refused, equal or not, in one line or two', async () => {
    const { send } = edgeFunction()
    const [alice, bob] = [await token(), await token({ sub: 'bob' })]
    for (const cookie of [
      `__Host-session=${alice}; __Host-session=${alice}`,
      `__Host-session=${alice};__Host-session=${bob}`,
      `__Host-session=${alice}; __Host-session=`,
      [`__Host-session=${alice}`, `x=y; __Host-session=${bob}`],
    ]) {
      const reply = await send({ headers: { cookie } })
      expect([reply.status, reply.code]).toEqual([401, 'ERR_SESSION_DUPLICATE'])
    }
  })

  test('is found among 16 KB of other cookies', async () => {
    const junk = Array.from({ length: 1600 }, (_, i) => `c${i}=%ff;=`).join('; ')
    expect((await edgeFunction().send(withSession(await token(), { headers: { cookie: junk } }))).status).toBe(200)
  })
})

describe('a bad token is 401, never more', () => {
  test('malformed', async () => {
    const { send } = edgeFunction()
    const good = await token()
    const [header = '', payload = '', signature = ''] = good.split('.')
    const bad = [
      'x',
      '.',
      '..',
      '...',
      'a.b.c',
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}..${signature}`,
      `.${payload}.${signature}`,
      `${good}.x.y`,
      `${header}.${payload}.${signature.slice(0, -4)}`,
      `${header}.${base64url({ sub: 'bob', exp: start + 7200 })}.${signature}`,
      `${base64url('not json')}.${payload}.${signature}`,
      `${base64url('null')}.${payload}.${signature}`,
      `${base64url({ alg: 'RS256', kid: 'app-1', crit: ['exp'], exp: 1 })}.${payload}.${signature}`,
      `${base64url({ alg: 'RS256', kid: { a: 1 } })}.${payload}.${signature}`,
      `${base64url({ alg: 7 })}.${payload}.${signature}`,
      `${base64url({})}.${payload}.${signature}`,
      `"${good}"`,
      `${good}%00`,
      '\u00ff\u0000',
      '%',
      '%ff%fe',
      'a'.repeat(16_384),
      `${'a'.repeat(8000)}.${'b'.repeat(8000)}.c`,
    ]
    for (const jwt of bad) {
      const reply = await send(withSession(jwt))
      expect([jwt.slice(0, 20), reply.status, reply.code]).toEqual([jwt.slice(0, 20), 401, 'ERR_SESSION_INVALID'])
    }
  })

  test('an algorithm that the config does not list, none among them', async () => {
    const { send } = edgeFunction()
    const payload = { sub: 'alice', iss: app.issuer, aud: app.audience, exp: start + 7200 }
    const none = new UnsecuredJWT(payload).encode()
    const tokens = [
      none,
      `${none}x`,
      `${base64url({ alg: 'nOnE' })}.${base64url(payload)}.AAAA`,
      await new SignJWT(payload).setProtectedHeader({ alg: 'PS256', kid: 'app-1' }).sign(await pssKey()),
      await token({}, { alg: 'RS256', kid: 'nobody' }),
    ]
    for (const jwt of tokens) expect((await send(withSession(jwt))).code).toBe('ERR_SESSION_INVALID')
  })

  test('signed with HS256 and the public key as the secret', async () => {
    const { send } = edgeFunction()
    const input = `${base64url({ alg: 'HS256', kid: 'app-1' })}.${base64url({ sub: 'alice', iss: app.issuer, aud: app.audience, exp: start + 7200 })}`
    const signature = createHmac('sha256', await exportSPKI(app.rsa.publicKey))
      .update(input)
      .digest('base64url')
    expect((await send(withSession(`${input}.${signature}`))).code).toBe('ERR_SESSION_INVALID')
  })

  test('signed with RS256 where the stage takes HS256', async () => {
    const { send } = edgeFunction(hs256())
    expect((await send(withSession(await token()))).code).toBe('ERR_SESSION_INVALID')
    expect((await send(withSession(await hsToken({}, 'another-secret-of-more-than-32-bytes-for-tests')))).code).toBe(
      'ERR_SESSION_INVALID',
    )
    expect((await send(withSession(await hsToken()))).status).toBe(200)
  })

  test("signed with a key that is not the app's", async () => {
    const { send } = edgeFunction()
    expect((await send(withSession(await token({}, {}, app.other.privateKey)))).code).toBe('ERR_SESSION_INVALID')
  })

  test('each refusal is logged with its reason', async () => {
    const { send } = edgeFunction(configOf({}, { requiredClaims: { token_use: 'access' } }))
    const cases: [string, string][] = [
      ['aud', await token({ aud: 'other', token_use: 'access' })],
      ['iss', await token({ iss: 'https://evil.test/', token_use: 'access' })],
      ['exp', await token({ exp: start - 1, token_use: 'access' })],
      ['nbf', await token({ nbf: start + 100, token_use: 'access' })],
      ['iat', await token({ iat: 'now', token_use: 'access' } as never)],
      ['sub', await token({ sub: '', token_use: 'access' })],
      ['claim:token_use', await token({ token_use: 'id' })],
      ['kid-unknown', await token({}, { alg: 'RS256', kid: 'nobody' })],
      ['alg', await hsToken()],
      ['signature', await token({}, {}, app.other.privateKey)],
      ['header', `${base64url({ alg: 'RS256', kid: 'app-1', crit: ['exp'], exp: 1 })}.e30.AAAA`],
      ['encrypted', 'eyJ.AA.BB.CC.DD'],
      ['not-a-jws', 'opaque'],
    ]
    for (const [reason, jwt] of cases) {
      warn.mockClear()
      await send(withSession(jwt))
      expect(JSON.parse(String(warn.mock.calls[0]))).toMatchObject({ level: 'warn', reason })
    }
  })

  const claims: [string, Record<string, unknown>, string][] = [
    ['another issuer', { iss: 'https://evil.test/' }, 'ERR_SESSION_INVALID'],
    ['no issuer', { iss: undefined }, 'ERR_SESSION_INVALID'],
    ['another audience', { aud: 'other' }, 'ERR_SESSION_INVALID'],
    ['no audience', { aud: undefined }, 'ERR_SESSION_INVALID'],
    ['no exp', { exp: undefined }, 'ERR_SESSION_INVALID'],
    ['exp that is a text', { exp: '9999999999' }, 'ERR_SESSION_INVALID'],
    ['no sub', { sub: undefined }, 'ERR_SESSION_INVALID'],
    ['an empty sub', { sub: '' }, 'ERR_SESSION_INVALID'],
    ['sub that is a list', { sub: ['alice'] }, 'ERR_SESSION_INVALID'],
    ['iat that is a text', { iat: 'now' }, 'ERR_SESSION_INVALID'],
    ['nbf ahead of the skew', { nbf: start + 61 }, 'ERR_SESSION_INVALID'],
    ['exp behind the skew', { exp: start - 60 }, 'ERR_SESSION_EXPIRED'],
    ['exp within the skew: its policy would be dead', { exp: start - 1 }, 'ERR_SESSION_EXPIRED'],
    ['exp in this second', { exp: start }, 'ERR_SESSION_EXPIRED'],
    ['nbf within the skew', { nbf: start + 60 }, 'fine'],
    ['exp in fractions', { exp: start + 100.9 }, 'fine'],
    ['exp beyond every date', { exp: 1e300 }, 'fine'],
    ['an audience among others', { aud: ['other', app.audience] }, 'fine'],
  ]
  test.each(claims)('claims: %s', async (_, claim, expected) => {
    const reply = await edgeFunction().send(withSession(await token(claim)))
    if (expected === 'fine') expect(reply.status).toBe(200)
    else expect([reply.status, reply.code, reply.lines]).toEqual([401, expected, []])
  })

  test('checks that the config switched off, and claims that it asks for', async () => {
    const lax = edgeFunction(configOf({}, { issuer: null, audience: null }))
    expect((await lax.send(withSession(await token({ iss: 'x', aud: 'y' })))).status).toBe(200)
    const strict = edgeFunction(configOf({}, { requiredClaims: { token_use: 'access', client_id: 'c1' } }))
    expect((await strict.send(withSession(await token({ token_use: 'access', client_id: 'c1' })))).status).toBe(200)
    for (const claim of [{}, { token_use: 'id', client_id: 'c1' }, { token_use: ['access'], client_id: 'c1' }]) {
      expect((await strict.send(withSession(await token(claim)))).code).toBe('ERR_SESSION_INVALID')
    }
  })
})

/** The app's RSA key, for another scheme. */
async function pssKey(): Promise<webcrypto.CryptoKey> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', app.rsa.privateKey)
  return crypto.subtle.importKey('pkcs8', pkcs8, { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign'])
}
