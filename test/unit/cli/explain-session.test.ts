/** Sessions that are refused: `explain --session` names the cause of each, and no value of the token. */
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { explainSession, type SessionKeys } from '../../../cli/explain-session/run.ts'
import { parseDeployment } from '../../../shared/config/parse.ts'
import type { StageConfigInput } from '../../../shared/config/stage-config.ts'
import { makeFolder, run } from './command-line.ts'

// The command imports the stages of this project.
vi.mock('../../../edge-signer.config.ts', () => import('../fixtures/edge-signer.config.ts'))

const now = 1_767_225_600
const issuer = 'https://id.example.com/'
const secret = 'a-session-secret-for-tests-only-32-bytes-or-more'

const session = {
  algorithms: ['RS256'],
  issuer,
  audience: ['files', 'other-files'],
  jwksUrl: 'https://id.example.com/jwks.json',
  requiredClaims: { token_use: 'access' },
} satisfies StageConfigInput['session']
const grants = ['/users/{sub}/*', { path: '/teams/{claims.org.team}/*', access: 'read' as const }]

function configOf(changes: Partial<StageConfigInput> = {}, sessionChanges: Partial<StageConfigInput['session']> = {}) {
  const stage = { grants, ...changes, session: { ...session, ...sessionChanges } }
  return parseDeployment({ service: 'test', defaults: {}, stages: { test: stage } }, 'test').config
}

let app: Awaited<ReturnType<typeof generateKeyPair>>
let other: typeof app
let keys: SessionKeys
beforeAll(async () => {
  app = await generateKeyPair('RS256')
  other = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(app.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  keys = { keySet: { fault: undefined, keys: [jwk], answeredAt: now }, secret: undefined }
})

const good = { sub: 'u-marker', iss: issuer, aud: 'files', token_use: 'access', iat: now - 5, exp: now + 600 }

const signed = (claims: object = {}, header: object = {}, key = app.privateKey) =>
  new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header } as never).sign(key)

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const faultOf = async (token: string, config = configOf(), trust = keys) => {
  const report = await explainSession(token, config, trust, now)
  expect(JSON.stringify(report)).not.toMatch(/marker|eyJ/)
  return report.firstFailure?.fault ?? report.verdict
}

it('grants a session that the functions accept, alone or as it was sent', async () => {
  const token = await signed({ org: { team: 'red' } })
  for (const text of [
    token,
    `${token}\n`,
    `Bearer ${token}`,
    `authorization: bearer ${token}`,
    `Cookie: x=${token};`,
  ]) {
    expect(await faultOf(text)).toBe('granted')
  }
  const report = await explainSession(token, configOf(), keys, now)
  expect(report.results.map(({ check }) => check)).toEqual([
    'form',
    'header',
    'alg',
    'kid',
    'signature',
    'iss',
    'aud',
    'exp',
    'nbf',
    'requiredClaims',
    'sub',
    'grant /users/{sub}/*',
    'grant /teams/{claims.org.team}/*',
    'grants',
  ])
})

describe('the form', () => {
  it.each([
    ['encrypted', 'eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn'],
    ['not-a-jws-empty', ''],
    ['not-a-jws-supabase-cookie', 'base64-eyJhY2Nlc3NfdG9rZW4i'],
    ['not-a-jws-server-session', 's%3AJ8marker.sig'],
    ['not-a-jws-json', '{"access_token":"marker"}'],
    ['not-a-jws-quoted', '"a.b.c"'],
    ['not-a-jws-paseto', 'v4.public.marker'],
    ['not-a-jws-unsigned', 'aaaa.bbbb'],
    ['not-a-jws-base64', 'aaaa.bbbb.cc=='],
    ['not-a-jws-opaque', 'ya29_marker'],
    ['not-a-jws-form', 'a.b.c.d'],
    ['header', 'not.a.token'],
  ])('%s', async (fault, token) => expect(await faultOf(token)).toBe(fault))
})

describe('the header and the key', () => {
  it('names what is wrong', async () => {
    const part = encoded(good)
    expect(await faultOf(new UnsecuredJWT(good).encode())).toBe('not-a-jws-unsigned')
    expect(await faultOf(`${encoded({ alg: 'none' })}.${part}.AAAA`)).toBe('alg')
    expect(await faultOf(`${encoded({ alg: 'HS256' })}.${part}.AAAA`)).toBe('alg')
    expect(await faultOf(`${encoded({})}.${part}.AAAA`)).toBe('alg')
    expect(await faultOf(`${encoded({ alg: 'RS256', crit: ['x'] })}.${part}.AAAA`)).toBe('header-crit')
    expect(await faultOf(`${encoded({ alg: 'RS256', nonce: 'marker' })}.${part}.AAAA`)).toBe('header-nonce')
    expect(await faultOf(await signed({}, { kid: 'marker' }))).toBe('kid-unknown')
    expect(await faultOf(await signed({}, {}, other.privateKey))).toBe('signature')
    expect(await faultOf(`${encoded({ alg: 'RS256', kid: 'k1' })}.${encoded('text')}.AAAA`)).toBe('signature')
  })

  it('names a key set that verifies nothing', async () => {
    const ec = await exportJWK((await generateKeyPair('ES256')).publicKey)
    const set = (...list: object[]): SessionKeys => ({
      keySet: { fault: undefined, keys: list as never, answeredAt: now },
      secret: undefined,
    })
    expect(await faultOf(await signed(), configOf(), set({ ...ec, kid: 'k1' }))).toBe('key-of-other-kind')
    expect(await faultOf(await signed(), configOf(), set({ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k1' }))).toBe(
      'key-too-small',
    )
  })

  it('checks HS256 with the secret, and says that it needs it', async () => {
    const hs = configOf({}, { algorithms: ['HS256'], jwksUrl: null })
    const sign = (text: string) =>
      new SignJWT(good).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(text))
    const given = (text: string | undefined): SessionKeys => ({ keySet: undefined, secret: text })
    expect(await faultOf(await sign(secret), hs, given(secret))).toBe('granted')
    expect(await faultOf(await sign(secret), hs, given(`${secret}x`))).toBe('signature')
    expect(await faultOf(await sign(secret), hs, given(undefined))).toBe('undecided')
    expect(await faultOf(await sign(secret), hs, given('short'))).toBe('secret-unusable')
    expect(await faultOf(await signed(), hs, given(secret))).toBe('alg')
  })
})

describe('the claims', () => {
  it.each<[string, object]>([
    ['iss', { iss: 'https://marker.example/' }],
    ['iss', { iss: undefined }],
    ['aud', { aud: 'marker' }],
    ['aud', { aud: ['marker', 'x'] }],
    ['aud', { aud: undefined }],
    ['exp', { exp: now }],
    ['exp', { exp: now - 3600 }],
    ['exp-missing', { exp: undefined }],
    ['exp-not-a-number', { exp: '1999999999' }],
    ['exp-in-milliseconds', { exp: (now + 600) * 1000 }],
    ['nbf', { nbf: now + 61 }],
    ['nbf-not-a-number', { nbf: 'marker' }],
    ['iat-not-a-number', { iat: 'marker' }],
    ['claim:token_use', { token_use: 'id' }],
    ['claim:token_use', { token_use: undefined }],
    ['sub', { sub: undefined }],
    ['sub', { sub: '' }],
    ['sub', { sub: ['u-marker'] }],
  ])('%s: %j', async (fault, claims) => expect(await faultOf(await signed(claims))).toBe(fault))

  it('tells differences that the eye misses, without a value', async () => {
    const detail = async (claims: object, config = configOf()) =>
      (await explainSession(await signed(claims), config, keys, now)).firstFailure
    expect((await detail({ iss: 'https://id.example.com' }))?.detail).toMatch(/came a text, which differs by a slash/)
    expect((await detail({ iss: 'HTTPS://ID.example.com/' }))?.detail).toMatch(/upper and lower case/)
    expect((await detail({ iss: 'http://id.example.com/' }))?.detail).toMatch(/scheme/)
    expect((await detail({ aud: ' files' }))?.detail).toMatch(/white space/)
    expect((await detail({ aud: undefined, client_id: 'files' }))?.remedy).toMatch(/audience to null .* client_id/)
    expect((await detail({ aud: '00000003-0000-0000-c000-000000000000' }))?.detail).toMatch(/Microsoft Graph/)
    const ahead = await explainSession(await signed({ iat: now + 300 }), configOf(), keys, now)
    expect(ahead.results.find(({ check }) => check === 'nbf')?.detail).toMatch(
      /issued 5 min after .*: a clock is wrong/,
    )
  })
})

describe('the grants', () => {
  const teams = configOf({ grants: [{ path: '/teams/{claims.org.team}/*', access: 'read' }] })
  it.each<[string, object]>([
    ['claim:org.team', { org: { team: '/marker' } }],
    ['claim:org.team', { org: { team: 7 } }],
    ['claim:org.team', { org: { team: ['/marker'] } }],
    ['claim:org.team', { org: { team: 'a*marker' } }],
    ['claim:org.team', { org: { team: 'm'.repeat(401) } }],
    ['no-grant', { org: { team: null } }],
    ['no-grant', { org: {} }],
    ['no-grant', {}],
    ['too-many-grants', { org: { team: Array.from({ length: 9 }, (_, i) => `t${i}`) } }],
  ])('%s: %j', async (fault, claims) => expect(await faultOf(await signed(claims), teams)).toBe(fault))

  it('say what each template grants, and that an unusable claim takes nothing from the others', async () => {
    const report = await explainSession(await signed({ org: { team: '/red' } }), configOf(), keys, now)
    expect(report.verdict).toBe('granted')
    expect(report.results.at(-2)?.detail).toMatch(/^not granted: org\.team is a text: it begins with \/\. .*Keycloak/)
    expect(report.results.at(-1)?.detail).toBe('cookies for 1 of at most 8 prefixes')
  })

  it('find a claim in another place', async () => {
    const detail = async (claims: object, path: string) => {
      const config = configOf({ grants: [{ path, access: 'read' }] })
      return (await explainSession(await signed(claims), config, keys, now)).results.at(-2)?.detail
    }
    expect(await detail({ 'https://example.com/team': 'marker' }, '/t/{claims.team}/*')).toMatch(/namespace/)
    expect(await detail({ app_metadata: { team: 'marker' } }, '/t/{claims.team}/*')).toMatch(/inside an object/)
    const config = configOf({ grants: [{ path: '/t/{sub}/*', access: 'read', when: { role: ['a', 'b'] } }] })
    const report = await explainSession(await signed({ role: 'marker' }), config, keys, now)
    expect(report.results.at(-2)?.detail).toBe('not granted: role must be a or b; came a text')
  })
})

describe('edge-signer explain --session', () => {
  const folder = makeFolder()
  afterAll(folder.remove)
  afterEach(() => vi.unstubAllGlobals())
  const answerWith = (response: () => Response) => vi.stubGlobal('fetch', async () => response())

  it('reads the token from standard input or a file, never from an argument', async () => {
    answerWith(() => Response.error())
    const file = folder.write('token', 'opaque-marker')
    const reports = [
      await run(['explain', '--session', '-', '--stage', 'dev'], 'opaque-marker'),
      await run(['explain', '--session', file, '--stage', 'dev']),
    ]
    for (const { status, out } of reports) {
      expect(status).toBe(1)
      expect(out).toMatch(/^REFUSED at form \(not-a-jws-opaque\): it is an opaque token/m)
      expect(out).not.toContain('marker')
    }
    expect((await run(['explain', '--session', '-', 'a.b.c'])).status).toBe(2)
    expect((await run(['explain', '--session', '-', '--secret-file', '-'], 'x')).status).toBe(2)
  })

  const text = (body: string, init?: ResponseInit) => () => new Response(body, init)
  const json = (body: unknown) => text(JSON.stringify(body))
  it.each<[string, () => Response]>([
    [
      'jwks-unreachable',
      () => {
        throw Object.assign(new TypeError('fetch failed'), { cause: { code: 'ENOTFOUND' } })
      },
    ],
    ['jwks-redirect', text('', { status: 302, headers: { location: 'https://id.example.com/login' } })],
    ['jwks-status', text('nothing', { status: 404 })],
    ['jwks-html', text('<!doctype html>')],
    ['jwks-not-json', text('keys')],
    ['jwks-is-metadata', json({ issuer: 'x', jwks_uri: 'https://id.example.com/keys' })],
    ['jwks-is-one-key', json({ kty: 'RSA', n: 'AQAB', e: 'AQAB' })],
    ['jwks-is-x509', json({ a1: '-----BEGIN CERTIFICATE-----' })],
    ['jwks-no-keys', json({})],
    ['jwks-no-keys', json([])],
    ['jwks-empty', json({ keys: [] })],
    ['jwks-no-usable-key', json({ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', alg: 'ES256' }] })],
    ['jwks-no-usable-key', json({ keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', use: 'enc' }] })],
  ])('names a key set that cannot be used: %s', async (fault, response) => {
    answerWith(response)
    const { status, out } = await run(['explain', '--session', '-', '--stage', 'dev', '--json'], await signed())
    expect([status, JSON.parse(out).fault]).toEqual([1, fault])
    expect(out).not.toMatch(/marker|eyJ/)
  })

  it('takes a key set and a secret from files', async () => {
    const jwk = { ...(await exportJWK(app.publicKey)), kid: 'k1' }
    const file = folder.write('jwks.json', JSON.stringify({ keys: [jwk] }))
    const token = await signed({ iss: 'https://app.example.com/', aud: 'edge-signer' })
    const at = ['--at', String(now)]
    const accepted = await run(['explain', '--session', '-', '--stage', 'dev', '--jwks', file, ...at], token)
    expect([accepted.status, accepted.out]).toEqual([0, expect.stringMatching(/^GRANTED: /m)])
    const hs = await new SignJWT({ ...good, iss: 'edge-signer-local', aud: 'edge-signer' })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(secret))
    const withSecret = ['--secret-file', folder.write('secret', `${secret}\n`), ...at]
    expect((await run(['explain', '--session', '-', ...withSecret], hs)).status).toBe(0)
    expect(
      (await run(['explain', '--session', '-', '--stage', 'dev', '--jwks', folder.write('x', 'x')], hs)).status,
    ).toBe(2)
  })
})
