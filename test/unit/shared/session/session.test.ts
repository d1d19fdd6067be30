import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { StageConfig } from '../../../../shared/config/stage-config.ts'
import { ServiceError } from '../../../../shared/errors.ts'
import { createSessionVerifier, readSessionToken } from '../../../../shared/session/session.ts'
import { keySetKeys, type SessionKeySource, sharedSecretKeys } from '../../../../shared/session/session-keys.ts'
import { request } from '../http/request.ts'

const now = 1_767_225_600
type Algorithm = StageConfig['session']['algorithms'][number]

function config(parts: Partial<StageConfig['session']> = {}): StageConfig['session'] {
  return {
    cookieName: 'session',
    algorithms: ['ES256'],
    jwksUrl: null,
    jwks: null,
    issuer: 'https://app.test/',
    audience: 'edge',
    requiredClaims: {},
    clockSkewSeconds: 60,
    loginUrl: null,
    ...parts,
  }
}

const sign = (key: CryptoKey | Uint8Array, header: { alg: string; kid?: string }, claims: object = {}) =>
  new SignJWT({ sub: 'alice', iss: 'https://app.test/', aud: 'edge', iat: now - 5, exp: now + 60, ...claims })
    .setProtectedHeader(header)
    .sign(key)

describe('readSessionToken', () => {
  const read = (headers: Record<string, string>) => () => readSessionToken(request({ headers }), 'session')
  const coded = (code: string) => expect.objectContaining({ code })

  test('takes the cookie, or the Bearer before it', () => {
    expect(read({ cookie: 'a=b; session=h.p.s' })()).toBe('h.p.s')
    expect(read({ cookie: 'session=h.p.s', authorization: 'Bearer x.y.z' })()).toBe('x.y.z')
    expect(read({ cookie: 'session=h.p.s', authorization: 'Basic x' })()).toBe('h.p.s')
  })

  test('says what is wrong', () => {
    expect(read({})).toThrow(coded('ERR_SESSION_MISSING'))
    expect(read({ cookie: 'session=' })).toThrow(coded('ERR_SESSION_MISSING'))
    expect(read({ cookie: 'SESSION=h.p.s; xsession=h.p.s' })).toThrow(coded('ERR_SESSION_MISSING'))
    expect(read({ cookie: 'session=h.p.s; session=h.p.s' })).toThrow(coded('ERR_SESSION_DUPLICATE'))
    expect(read({ authorization: 'Bearer' })).toThrow(coded('ERR_SESSION_INVALID'))
    expect(read({ cookie: 'session=h.p' })).toThrow(coded('ERR_SESSION_INVALID'))
    expect(read({ cookie: 'session=a.b.c.d.e' })).toThrow(coded('ERR_SESSION_INVALID'))
  })
})

describe('createSessionVerifier', () => {
  const families: Algorithm[] = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
  ]
  test.each(families)('verifies %s and gives the session', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg)
    const keys = keySetKeys({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }, undefined)
    const verifier = createSessionVerifier(config({ algorithms: [alg] }), keys)
    const session = await verifier.verify(await sign(privateKey, { alg, kid: 'k' }, { team: 'red' }), now)
    expect(session).toEqual({
      sub: 'alice',
      claims: expect.objectContaining({ team: 'red', sub: 'alice' }),
      expiresAt: now + 60,
      issuedAt: now - 5,
    })
    const other = createSessionVerifier(
      config({ algorithms: families.filter((a) => a !== alg && !(alg.startsWith('Ed') && a.startsWith('Ed'))) }),
      keys,
    )
    await expect(other.verify(await sign(privateKey, { alg, kid: 'k' }), now)).rejects.toMatchObject({
      code: 'ERR_SESSION_INVALID',
    })
  })

  test('finds the key of a token without kid among several', async () => {
    const [first, second, third] = [
      await generateKeyPair('ES256'),
      await generateKeyPair('ES256'),
      await generateKeyPair('ES256'),
    ]
    const keys = keySetKeys({ keys: [await exportJWK(first.publicKey), await exportJWK(second.publicKey)] }, undefined)
    const verifier = createSessionVerifier(config(), keys)
    expect((await verifier.verify(await sign(second.privateKey, { alg: 'ES256' }), now)).sub).toBe('alice')
    await expect(verifier.verify(await sign(third.privateKey, { alg: 'ES256' }), now)).rejects.toMatchObject({
      code: 'ERR_SESSION_INVALID',
    })
    const expired = await sign(second.privateKey, { alg: 'ES256' }, { exp: now - 60 })
    await expect(verifier.verify(expired, now)).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRED' })
  })

  test('tells our own trouble from a bad token, and keeps the claims out of errors', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const broken: SessionKeySource = {
      async keyFor() {
        throw new ServiceError('ERR_KEYS_UNAVAILABLE')
      },
    }
    const token = await sign(privateKey, { alg: 'ES256' })
    await expect(createSessionVerifier(config(), broken).verify(token, now)).rejects.toMatchObject({
      code: 'ERR_KEYS_UNAVAILABLE',
    })
    const error = await createSessionVerifier(config(), keySetKeys({ keys: [] }, undefined))
      .verify(token, now)
      .catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'ERR_SESSION_INVALID', reason: 'kid-unknown' })
    expect((error as Error).cause).toBeUndefined()
    expect(Object.keys(error as object).sort()).toEqual(['code', 'name', 'reason'])
  })

  test.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ] as const)('accepts %s for %s: two names of one algorithm', async (configured, alg) => {
    const { publicKey, privateKey } = await generateKeyPair('Ed25519')
    const keys = keySetKeys({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: configured }] }, undefined)
    const verifier = createSessionVerifier(config({ algorithms: [configured] }), keys)
    expect((await verifier.verify(await sign(privateKey, { alg, kid: 'k' }), now)).sub).toBe('alice')
  })

  test('accepts one of several issuers, audiences and values of a claim', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const keys = keySetKeys({ keys: [await exportJWK(publicKey)] }, undefined)
    const several = config({
      issuer: ['https://a.test', 'https://b.test'],
      audience: ['one', 'two'],
      requiredClaims: { azp: ['x', 'y'], 'app.use': 'files' },
    })
    const verify = async (claims: object) =>
      createSessionVerifier(several, keys)
        .verify(await sign(privateKey, { alg: 'ES256' }, claims), now)
        .then(
          () => 'fine',
          ({ reason }) => reason,
        )
    const good = { iss: 'https://b.test', aud: ['other', 'two'], azp: 'y', app: { use: 'files' } }
    expect(await verify(good)).toBe('fine')
    expect(await verify({ ...good, iss: 'https://c.test' })).toBe('iss')
    expect(await verify({ ...good, aud: 'three' })).toBe('aud')
    expect(await verify({ ...good, azp: 'z' })).toBe('claim:azp')
    expect(await verify({ ...good, app: { use: ['files'] } })).toBe('claim:app.use')
    expect(await verify({ ...good, app: null })).toBe('claim:app.use')
  })

  test('forgives no second of exp, so that every function ends a session at the same time', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const verifier = createSessionVerifier(config(), keySetKeys({ keys: [await exportJWK(publicKey)] }, undefined))
    const verify = async (exp: number) => verifier.verify(await sign(privateKey, { alg: 'ES256' }, { exp }), now)
    expect((await verify(now + 1)).expiresAt).toBe(now + 1)
    await expect(verify(now)).rejects.toMatchObject({ code: 'ERR_SESSION_EXPIRED', reason: 'exp' })
  })

  test('does not believe a required claim that Object has by itself', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const keys = keySetKeys({ keys: [await exportJWK(publicKey)] }, undefined)
    const verifier = createSessionVerifier(config({ requiredClaims: { toString: 'x' } }), keys)
    await expect(verifier.verify(await sign(privateKey, { alg: 'ES256' }), now)).rejects.toMatchObject({
      code: 'ERR_SESSION_INVALID',
    })
  })
})

describe('sharedSecretKeys', () => {
  const secret = 'a-session-secret-for-tests-only-32-bytes-or-more'
  const verify = (token: string, keys: SessionKeySource) =>
    createSessionVerifier(config({ algorithms: ['HS256'] }), keys).verify(token, now)

  test('follows a secret that changes, and takes its characters as they are', async () => {
    let current = secret
    const keys = sharedSecretKeys(async () => current)
    const token = await sign(Buffer.from(secret, 'utf8'), { alg: 'HS256' })
    expect((await verify(token, keys)).sub).toBe('alice')
    current = `${secret}é`
    await expect(verify(token, keys)).rejects.toMatchObject({ code: 'ERR_SESSION_INVALID' })
    expect((await verify(await sign(Buffer.from(current, 'utf8'), { alg: 'HS256' }), keys)).sub).toBe('alice')
  })

  test.each([undefined, '', 'x'.repeat(31)])('refuses to work with %j', async (short) => {
    const token = await sign(Buffer.from(secret), { alg: 'HS256' })
    await expect(
      verify(
        token,
        sharedSecretKeys(async () => short),
      ),
    ).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
  })
})

describe('keySetKeys', () => {
  let jwks: JSONWebKeySet
  let token: string
  let unknown: string
  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'a' }] }
    token = await sign(privateKey, { alg: 'ES256', kid: 'a' }, { exp: now + 100_000 })
    unknown = await sign(privateKey, { alg: 'ES256', kid: 'b' }, { exp: now + 100_000 })
  })

  function remote(times = { softTtl: 600, hardTtl: 3600, coolDown: 30 }) {
    const state = { loads: 0, away: false }
    const keys = keySetKeys(
      null,
      async () => {
        state.loads++
        if (state.away) throw new TypeError('fetch failed')
        return jwks
      },
      times,
    )
    const at = (seconds: number, jwt = token) =>
      createSessionVerifier(config(), keys)
        .verify(jwt, now + seconds)
        .then(
          () => 'ok',
          (error: { code: string }) => error.code,
        )
    return { state, at }
  }

  test('fetches once for many at a cold start', async () => {
    const { state, at } = remote()
    expect(await Promise.all([at(0), at(0), at(0)])).toEqual(['ok', 'ok', 'ok'])
    expect(state.loads).toBe(1)
  })

  test('refreshes past the soft TTL, lives through an outage until the hard one', async () => {
    const { state, at } = remote()
    await at(0)
    expect([await at(599), state.loads]).toEqual(['ok', 1])
    expect([await at(600), state.loads]).toEqual(['ok', 2])
    state.away = true
    expect([await at(1200), state.loads]).toEqual(['ok', 3])
    expect([await at(1201), state.loads]).toEqual(['ok', 3])
    expect(await at(4199)).toBe('ok')
    expect(await at(4230)).toBe('ERR_JWKS_UNAVAILABLE')
  })

  test('does not hammer an endpoint that is away', async () => {
    const { state, at } = remote()
    state.away = true
    expect([await at(0), await at(0), await at(1), state.loads]).toEqual([
      'ERR_JWKS_UNAVAILABLE',
      'ERR_JWKS_UNAVAILABLE',
      'ERR_JWKS_UNAVAILABLE',
      1,
    ])
    state.away = false
    expect([await at(2), state.loads]).toEqual(['ok', 2])
  })

  test('asks once per cool-down for an unknown kid; within it the token is bad, not the service', async () => {
    const { state, at } = remote()
    await at(0)
    expect([await at(1, unknown), state.loads]).toEqual(['ERR_SESSION_INVALID', 1])
    expect([await at(30, unknown), await at(31, unknown), state.loads]).toEqual([
      'ERR_SESSION_INVALID',
      'ERR_SESSION_INVALID',
      2,
    ])
    state.away = true
    expect([await at(60, unknown), await at(61, unknown), await at(61)]).toEqual([
      'ERR_JWKS_UNAVAILABLE',
      'ERR_SESSION_INVALID',
      'ok',
    ])
  })

  test('a key of the set that cannot be imported verifies nothing', async () => {
    const broken = { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'a' }] }
    const verifier = createSessionVerifier(config(), keySetKeys(broken, undefined))
    await expect(verifier.verify(token, now)).rejects.toMatchObject({ code: 'ERR_SESSION_INVALID' })
  })
})
