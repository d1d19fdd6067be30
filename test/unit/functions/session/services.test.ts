import { setImmediate } from 'node:timers/promises'
import { exportJWK } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ecPrivatePem, ecPublicPem, rsaPrivatePem, rsaPublicPem } from '../../fixtures/key-pairs.ts'
import {
  app,
  configOf,
  edgeFunction,
  jwks,
  keyDocument,
  sessionSecret,
  start,
  token,
  unavailable,
  withSession,
} from './edge.ts'

const warn = vi.spyOn(console, 'warn')
beforeEach(() => {
  warn.mockClear()
  warn.mockImplementation(() => {})
})
afterEach(() => {
  // Whatever failed, the log says the code, the reason and the request, and nothing more.
  for (const [line] of warn.mock.calls) {
    expect(line).toMatch(/^\{"level":"(warn|error)","code":"ERR_[A-Z_]+",("reason":"[a-z-]+",)?"requestId":"[\w-]+"\}$/)
  }
})

const key = keyDocument.keys[0]

describe('the key document', () => {
  const documents: [string, string][] = [
    ['is empty', ''],
    ['is not JSON', '{"keys":[{"privateKey":"-----BEGIN'],
    ['is another JSON', '"secret"'],
    ['has no keys', JSON.stringify({ ...keyDocument, keys: [] })],
    ['has no stampKey', JSON.stringify({ ...keyDocument, stampKey: undefined })],
    ['has a broken key', JSON.stringify({ ...keyDocument, keys: [{ ...key, privateKey: 'x' }] })],
    [
      'has a key of another pair',
      JSON.stringify({ ...keyDocument, keys: [{ ...key, algorithm: 'RS256', privateKey: rsaPrivatePem }] }),
    ],
    [
      'has a public key of another pair',
      JSON.stringify({ ...keyDocument, keys: [{ ...key, publicKey: rsaPublicPem }] }),
    ],
    ['has no key that is usable yet', JSON.stringify({ ...keyDocument, keys: [{ ...key, notBefore: start + 1 }] })],
  ]
  test.each(documents)('%s: 503, no cookies, and nothing of it in the answer or the log', async (_, document) => {
    const { send, stores } = edgeFunction()
    stores.secret = () => document
    const reply = await send(withSession(await token()))
    expect([reply.status, reply.code, reply.lines]).toEqual([503, 'ERR_KEYS_INVALID', []])
    expect(reply.header('retry-after')).toBe('5')
    expect(reply.header('cross-origin-resource-policy')).toBe('same-site')
    expect(`${JSON.stringify(reply.raw)}${warn.mock.calls.flat().join()}`).not.toMatch(/BEGIN|stampKey|KTEST|eyJ/)
  })

  test('cannot be had: 503, and again as soon as it can', async () => {
    const { send, stores, clock } = edgeFunction()
    const good = stores.secret
    const jwt = await token()
    stores.secret = unavailable('ERR_KEYS_UNAVAILABLE')
    expect((await send(withSession(jwt))).code).toBe('ERR_KEYS_UNAVAILABLE')
    stores.secret = good
    clock.now += 60
    expect((await send(withSession(jwt))).status).toBe(200)
  })

  test('is fetched once, and its outage goes unnoticed for an hour', async () => {
    const { send, stores, loads, clock } = edgeFunction()
    const jwt = await token()
    for (let i = 0; i < 3; i++) expect((await send(withSession(jwt))).status).toBe(200)
    expect(loads).toEqual({ secret: 1, state: 1, keySet: 1 })
    stores.secret = unavailable('ERR_KEYS_UNAVAILABLE')
    clock.now += 3599
    expect((await send(withSession(jwt))).status).toBe(200)
    clock.now += 31
    expect((await send(withSession(jwt))).code).toBe('ERR_KEYS_UNAVAILABLE')
  })

  test('signs with the newest key whose time has come, also after a rotation', async () => {
    const { send, stores, clock } = edgeFunction()
    const jwt = await token()
    const rotated = { keyPairId: 'KNEW', algorithm: 'RS256', privateKey: rsaPrivatePem, publicKey: rsaPublicPem }
    stores.secret = () => JSON.stringify({ ...keyDocument, keys: [key, { ...rotated, notBefore: start + 400 }] })
    const keyPairId = async () =>
      (await send(withSession(jwt))).cookies.find(({ name }) => name === 'CloudFront-Key-Pair-Id')?.value
    expect(await keyPairId()).toBe('KTESTEC')
    clock.now += 400
    expect(await keyPairId()).toBe('KNEW')
  })

  test('needs a session secret for HS256', async () => {
    const { send, stores } = edgeFunction(configOf({}, { algorithms: ['HS256'], jwksUrl: null }))
    stores.secret = () => JSON.stringify({ ...keyDocument, sessionSecret: undefined })
    expect((await send(withSession(await token({}, {})))).status).toBe(401)
    const { SignJWT } = await import('jose')
    const jwt = await new SignJWT({ sub: 'alice', iss: app.issuer, aud: app.audience, exp: start + 60 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(sessionSecret))
    const reply = await send(withSession(jwt))
    expect([reply.status, reply.code]).toEqual([503, 'ERR_KEYS_INVALID'])
  })

  test('of KMS without KMS at hand is unusable', async () => {
    const { send, stores } = edgeFunction()
    stores.secret = () =>
      JSON.stringify({
        ...keyDocument,
        keys: [{ ...key, privateKey: undefined, kmsKeyId: 'arn:aws:kms:us-east-1:1:key/x', publicKey: ecPublicPem }],
      })
    expect((await send(withSession(await token()))).code).toBe('ERR_KEYS_INVALID')
    expect(ecPrivatePem).toContain('PRIVATE')
  })
})

describe('the revocation state', () => {
  const revoked = (entry: object) => () =>
    JSON.stringify({
      revocations: [{ prefix: '/users/alice/', before: start - 10, expires: start + 86_400, ...entry }],
    })

  test.each([
    [401, 'issued before', {}, { iat: start - 11 }],
    [401, 'issued in that second', {}, { iat: start - 10 }],
    [401, 'that does not say when it was issued', {}, { iat: undefined }],
    [200, 'issued after', {}, { iat: start - 9 }],
    [401, 'of the subject', { sub: 'alice' }, { iat: start - 11 }],
    [200, 'of another subject', { sub: 'bob' }, { iat: start - 11 }],
    [200, 'of another prefix', { prefix: '/users/bob/' }, { iat: start - 11 }],
    [401, 'with one revoked prefix of two', { prefix: '/teams/red/' }, { iat: start - 11, team: 'red' }],
  ])('answers %d to a session %s', async (status, _, entry, claims) => {
    const { send, stores } = edgeFunction()
    stores.state = revoked(entry)
    const reply = await send(withSession(await token(claims)))
    expect(reply.status).toBe(status)
    if (status === 401) expect([reply.code, reply.lines]).toEqual(['ERR_SESSION_REVOKED', []])
  })

  test('reaches a warm function in 30 seconds', async () => {
    const { send, stores, clock } = edgeFunction()
    const jwt = await token({ iat: start - 11 })
    expect((await send(withSession(jwt))).status).toBe(200)
    stores.state = revoked({})
    clock.now += 29
    expect((await send(withSession(jwt))).status).toBe(200)
    clock.now += 1
    expect((await send(withSession(jwt))).code).toBe('ERR_SESSION_REVOKED')
  })

  test('may be away for 5 minutes, and not longer', async () => {
    const { send, stores, clock } = edgeFunction()
    const jwt = await token()
    expect((await send(withSession(jwt))).status).toBe(200)
    stores.state = unavailable('ERR_STATE_UNAVAILABLE')
    clock.now += 299
    expect((await send(withSession(jwt))).status).toBe(200)
    clock.now += 1
    const reply = await send(withSession(jwt))
    expect([reply.status, reply.code, reply.lines]).toEqual([503, 'ERR_STATE_UNAVAILABLE', []])
  })

  test('that a function cannot hear of refuses the cookies that it makes', async () => {
    const { send, stores, clock } = edgeFunction()
    const jwt = await token()
    await send(withSession(jwt))
    stores.state = unavailable('ERR_STATE_UNAVAILABLE')
    const stampedAfter = async (seconds: number) => {
      clock.now = start + seconds
      const { cookies } = await send(withSession(jwt))
      return Number(cookies.find(({ name }) => name === 'edge-issued')?.value.split('.')[0]) - start
    }
    // A revocation written in second 1 refuses stamps up to second 121.
    expect(await stampedAfter(60)).toBe(60)
    for (const seconds of [61, 121, 130, 299]) expect(await stampedAfter(seconds), `${seconds}`).toBe(0)
  })

  test.each(['', '{}', '{"revocations":[{}]}', '[]'])('damaged (%j): 503, closed', async (json) => {
    const { send, stores } = edgeFunction()
    stores.state = () => json
    expect((await send(withSession(await token()))).code).toBe('ERR_STATE_UNAVAILABLE')
  })

  test('keeps a revoked navigation on a page: a login would be revoked as well', async () => {
    const { send, stores } = edgeFunction(configOf({}, { loginUrl: '/login' }))
    stores.state = revoked({})
    const headers = { 'sec-fetch-mode': 'navigate' }
    const reply = await send(withSession(await token({ iat: start - 11 }), { headers }))
    expect(reply.status).toBe(401)
    expect(reply.text).toContain('ERR_SESSION_REVOKED')
  })
})

describe('the key set of the app', () => {
  const away = () => {
    throw new TypeError('fetch failed: https://app.example.com/jwks.json')
  }

  test('cannot be had: 503, said to nobody whose key is known', async () => {
    const { send, stores, clock } = edgeFunction()
    const jwt = await token()
    stores.keySet = away
    expect((await send(withSession(jwt))).code).toBe('ERR_JWKS_UNAVAILABLE')
    stores.keySet = () => jwks
    clock.now += 2
    expect((await send(withSession(jwt))).status).toBe(200)
    stores.keySet = away
    clock.now += 600
    expect((await send(withSession(jwt))).status).toBe(200)
  })

  test('is not asked by viewers: one fetch per cool-down, whatever kids they make up', async () => {
    const { send, loads, clock } = edgeFunction()
    await send(withSession(await token()))
    for (let i = 0; i < 5; i++) {
      expect((await send(withSession(await token({}, { kid: `made-up-${i}` })))).code).toBe('ERR_SESSION_INVALID')
    }
    expect(loads.keySet).toBe(1)
    clock.now += 30
    for (let i = 0; i < 5; i++) await send(withSession(await token({}, { kid: `made-up-${i}` })))
    expect(loads.keySet).toBe(2)
  })

  test('brings a new key as soon as a session uses it', async () => {
    const { send, stores, clock } = edgeFunction()
    await send(withSession(await token()))
    const next = { ...(await exportJWK(app.other.publicKey)), kid: 'app-2', alg: 'RS256' }
    stores.keySet = () => ({ keys: [...jwks.keys, next] })
    clock.now += 31
    const jwt = await token({}, { kid: 'app-2' }, app.other.privateKey)
    expect((await send(withSession(jwt))).status).toBe(200)
  })

  test('is waited for by every session with the new key, while it is under way', async () => {
    const { send, stores, loads, clock } = edgeFunction()
    await send(withSession(await token()))
    const next = { ...(await exportJWK(app.other.publicKey)), kid: 'app-2', alg: 'RS256' }
    let deliver = (_: unknown) => {}
    stores.keySet = () => new Promise((resolve) => (deliver = resolve))
    clock.now += 31
    const jwt = await token({}, { kid: 'app-2' }, app.other.privateKey)
    const replies = [send(withSession(jwt)), send(withSession(jwt))]
    await vi.waitFor(() => expect(loads.keySet).toBe(2))
    // One more comes when the fetch has begun, within its cool-down.
    replies.push(send(withSession(jwt)))
    await setImmediate()
    deliver({ keys: [...jwks.keys, next] })
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(loads.keySet).toBe(2)
  })

  test('built into the bundle needs no fetch', async () => {
    const { send, loads, stores } = edgeFunction(configOf({}, { jwks }))
    stores.keySet = away
    expect((await send(withSession(await token()))).status).toBe(200)
    expect(loads.keySet).toBe(0)
  })
})
