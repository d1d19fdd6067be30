import { describe, expect, it } from 'vitest'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { ServiceError } from '../../../../shared/errors.ts'
import { appOrigin, createTestApi } from '../../../support/api.ts'

/** A store that nothing here may reach: each of these requests is decided before. */
const unreachable = new Proxy(
  { maxKeyLength: 1024, singleProtocol: 'put', multipart: undefined } as unknown as AssetStore,
  {
    get(target, name) {
      if (name in target) return Reflect.get(target, name)
      throw new Error(`the store was asked for ${String(name)}`)
    },
  },
)
const api = createTestApi(unreachable)
const wish = { key: 'users/alice/f', contentType: 'text/plain', size: 1 }
const json = JSON.stringify({ key: 'users/alice/f' })
const asJson = { 'content-type': 'application/json' }

describe('GET /api/health', () => {
  it('answers ok, and no cache keeps it', async () => {
    const response = await api.call('/api/health', { as: null })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.body).toEqual({ status: 'ok' })
  })

  it('is under /api alone', async () => {
    expect((await api.call('/health', { as: null })).status).toBe(404)
  })

  it('is ready only while keys, state and store are there', async () => {
    const store = { ...unreachable, ready: () => Promise.reject(new ServiceError('ERR_STORE_UNAVAILABLE')) }
    const down = createTestApi(store)
    expect(await down.call('/api/health/ready', { as: null })).toMatchObject({ status: 503 })
    const up = createTestApi({ ...unreachable, ready: async () => {} })
    expect((await up.call('/api/health/ready', { as: null })).status).toBe(200)
    const keyless = createTestApi({ ...unreachable, ready: async () => {} })
    keyless.documents.keys = undefined
    expect((await keyless.call('/api/health/ready', { as: null })).status).toBeGreaterThanOrEqual(500)
  })
})

describe('the session', () => {
  const { sessions } = api
  it.each([
    ['none', null, 'ERR_SESSION_MISSING'],
    ['one of another issuer', sessions.forged({ payload: { sub: 'alice' } }), 'ERR_SESSION_INVALID'],
    ['an unsigned one', sessions.unsigned({ payload: { sub: 'alice' } }), 'ERR_SESSION_INVALID'],
    ['an expired one', sessions.signed({ payload: { sub: 'alice', exp: 1 } }), 'ERR_SESSION_EXPIRED'],
  ])('refuses %s', async (_what, as, code) => {
    for (const path of [
      '/api/assets',
      '/api/assets/users/alice/f',
      '/api/s3/params?filename=x',
      '/api/uploads/x/parts',
    ]) {
      const answer = await api.call(path, { as })
      expect(answer).toMatchObject({ status: 401, body: { code } })
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  it('is what a state change without one lacks, whatever else is wrong with it', async () => {
    const cookies: Record<string, string>[] = [{}, { cookie: 'theme=dark' }]
    for (const cookie of cookies) {
      for (const type of ['application/json', 'text/plain']) {
        const headers = { 'content-type': type, origin: 'https://evil.test', ...cookie }
        const posted = await api.call('/api/uploads', { as: null, body: JSON.stringify(wish), headers })
        expect(posted).toMatchObject({ status: 401, body: { code: 'ERR_SESSION_MISSING' } })
      }
      const removed = await api.call('/api/assets/users/alice/f', { as: null, method: 'DELETE', headers: cookie })
      expect(removed).toMatchObject({ status: 401, body: { code: 'ERR_SESSION_MISSING' } })
    }
  })

  it('is refused when it was revoked', async () => {
    const revoked = createTestApi(unreachable)
    const now = Math.floor(Date.now() / 1000)
    revoked.documents.state = JSON.stringify({
      revocations: [{ prefix: '/users/alice/', before: now + 120, expires: now + 9999 }],
    })
    expect((await revoked.call('/api/uploads', { json: wish })).body.code).toBe('ERR_SESSION_REVOKED')
  })

  it('with claims that cannot be a prefix is 401, never 403', async () => {
    const answer = await api.call('/api/assets', { as: 'a/b' })
    expect(answer).toMatchObject({ status: 401, body: { status: 401, code: 'ERR_GRANT_CLAIM' } })
  })
})

describe('a state change with the session cookie', () => {
  const cookie = { cookie: `session=${api.sessions.session('alice')}` }
  const send = (headers: Record<string, string>) =>
    api.call('/api/downloads', { as: null, body: json, headers: { ...asJson, ...cookie, ...headers } })

  it('needs an allowed origin', async () => {
    for (const origin of [appOrigin, 'https://cdn.example.test']) expect((await send({ origin })).status).toBe(200)
    for (const origin of ['https://evil.test', 'null', `${appOrigin}.evil.test`, 'http://app.example.test', '']) {
      expect(await send({ origin })).toMatchObject({ status: 400, body: { code: 'ERR_ORIGIN_REQUIRED' } })
    }
    expect((await send({})).body.code).toBe('ERR_ORIGIN_REQUIRED')
    // A scheme that is passed over does not make it a request without a cookie.
    for (const authorization of ['Basic eDp5', 'Bearer\tx', 'Bearerx', 'Bearer\u00a0x']) {
      const answer = await send({ authorization, origin: 'https://evil.test' })
      expect(answer.body.code, authorization).toBe('ERR_ORIGIN_REQUIRED')
    }
    // With a Bearer token it is the token that counts, and not the cookie.
    for (const authorization of ['Bearer', 'bearer x']) {
      expect((await send({ authorization })).body.code).toBe('ERR_SESSION_INVALID')
    }
    const removal = { as: null, method: 'DELETE', headers: { ...cookie, origin: 'https://evil.test' } }
    expect((await api.call('/api/assets/users/alice/f', removal)).body.code).toBe('ERR_ORIGIN_REQUIRED')
  })

  it('may come from each name of the distribution, and from no host without a name', async () => {
    const certificateArn = 'arn:aws:acm:us-east-1:111122223333:certificate/x'
    const config = { aliases: ['files.example.test'], certificateArn }
    const cases = [
      [createTestApi(unreachable, { config }), ['https://files.example.test', 'https://cdn.example.test']],
      [createTestApi(unreachable, { config: { ...config, attach: true }, cdn: null }), ['https://files.example.test']],
      [createTestApi(unreachable, { config: { attach: true }, cdn: null }), []],
    ] as const
    for (const [{ services }, own] of cases) {
      for (const origin of [appOrigin, ...own]) expect(services.readers.isAllowed(origin), origin).toBe(true)
      for (const origin of ['', 'null', 'https://undefined', 'https://', 'http://files.example.test']) {
        expect(services.readers.isAllowed(origin), origin).toBe(false)
      }
    }
  })

  it('must be JSON, which no form can send', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
    ]) {
      const answer = await send({ origin: appOrigin, 'content-type': type })
      expect(answer).toMatchObject({ status: 415, body: { code: 'ERR_MEDIA_TYPE' } })
    }
  })
})

describe('bad input', () => {
  const upload = (changes: object) => api.call('/api/uploads', { json: { ...wish, ...changes } })

  it.each([
    ['../bob/f', 'ERR_KEY_INVALID'],
    ['users/alice/../bob/f', 'ERR_KEY_INVALID'],
    ['/users/alice/f', 'ERR_KEY_INVALID'],
    ['users//alice/f', 'ERR_KEY_INVALID'],
    ['users/alice/', 'ERR_KEY_INVALID'],
    ['users/alice/a\\b', 'ERR_KEY_INVALID'],
    ['users/alice/a\u0000b', 'ERR_KEY_INVALID'],
    ['users/alice/a\nb', 'ERR_KEY_INVALID'],
    ['users/alice/*', 'ERR_KEY_INVALID'],
    ['users/alice/a?b', 'ERR_KEY_INVALID'],
    ['users/alice/\ud800', 'ERR_KEY_INVALID'],
    ['users/alice/\ufffd', 'ERR_KEY_INVALID'],
    [`users/alice/${'é'.repeat(507)}`, 'ERR_KEY_INVALID'],
    ['file', 'ERR_KEY_INVALID'],
    ['', 'ERR_KEY_INVALID'],
    ['_edge/x', 'ERR_KEY_RESERVED'],
    ['_incoming/x', 'ERR_KEY_RESERVED'],
    ['_state/revocations.json', 'ERR_KEY_RESERVED'],
    ['_STATE/x', 'ERR_KEY_RESERVED'],
    ['users/bob/f', 'ERR_ASSET_NOT_FOUND'],
    ['users/alice2/f', 'ERR_ASSET_NOT_FOUND'],
    ['users/alice', 'ERR_ASSET_NOT_FOUND'],
  ])('key %j is %s', async (key, code) => {
    const answers = [await upload({ key }), await api.call('/api/downloads', { json: { key } })]
    for (const answer of answers) expect(answer.body.code).toBe(code)
    for (const from of [key]) {
      const copy = await api.call('/api/assets/copy', { json: { from, to: 'users/alice/x' } })
      expect(copy.body.code).toBe(code)
      const move = await api.call('/api/assets/move', { json: { from: 'users/alice/x', to: from } })
      expect(move.body.code).toBe(code)
    }
  })

  it.each([
    [{ size: -1 }, 400, 'ERR_SIZE'],
    [{ size: 1.5 }, 400, 'ERR_SIZE'],
    [{ size: 2 ** 60 }, 400, 'ERR_SIZE'],
    [{ contentType: 'image/png; charset="' }, 400, 'ERR_CONTENT_TYPE'],
    [{ contentType: 'ä/b' }, 400, 'ERR_CONTENT_TYPE'],
    [{ size: 5 * 1024 ** 4 + 1 }, 413, 'ERR_TOO_LARGE'],
    [{ contentType: 'png' }, 400, 'ERR_CONTENT_TYPE'],
    [{ contentType: 'image/*' }, 400, 'ERR_CONTENT_TYPE'],
    [{ contentType: 'a/b\r\nx: y' }, 400, 'ERR_CONTENT_TYPE'],
    [{ checksum: { algorithm: 'SHA256', value: 'AAAA' } }, 400, 'ERR_CHECKSUM'],
    [{ checksum: { algorithm: 'CRC64NVME', value: 'AAAAAAAAAAB=' } }, 400, 'ERR_CHECKSUM'],
    [{ size: 200 * 1024 ** 2, checksum: { algorithm: 'SHA256', value: `${'A'.repeat(43)}=` } }, 400, 'ERR_CHECKSUM'],
    [{ visibility: 'public' }, 400, 'ERR_KEY_INVALID'],
  ])('%j is %i %s', async (changes, status, code) => {
    expect(await upload(changes)).toMatchObject({ status, body: { code } })
  })

  it.each([
    [{ size: '1' }, ['size']],
    [{ size: null }, ['size']],
    [{ checksum: { algorithm: 'MD5', value: '' } }, ['checksum.algorithm']],
    [{ key: 7, contentType: 7 }, ['key', 'contentType']],
    [{ secret_of_mine: 1 }, undefined],
  ])('%j names the fields, and nothing that was sent', async (changes, fields) => {
    const answer = await upload(changes)
    expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    expect(answer.body.fields).toEqual(fields)
    expect(JSON.stringify(answer.body)).not.toContain('secret_of_mine')
  })

  it('that is no JSON, or too long, is refused', async () => {
    for (const body of ['', '{', 'null', '[]', '"x"', '{"size":NaN}']) {
      const answer = await api.call('/api/uploads', { body, method: 'POST', headers: asJson })
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    }
    const long = JSON.stringify({ ...wish, key: 'x'.repeat(2 * 1024 ** 2) })
    const answer = await api.call('/api/uploads', { body: long, headers: asJson })
    expect(answer).toMatchObject({ status: 413, body: { code: 'ERR_BODY_TOO_LARGE' } })
  })

  it('that is no UTF-8 is refused, in a body and in a query', async () => {
    const [before = '', after = ''] = JSON.stringify({ ...wish, key: 'users/alice/|' }).split('|')
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)])
    const answer = await api.call('/api/uploads', { body: bytes, headers: asJson })
    expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_KEY_INVALID' } })
    for (const query of ['prefix=users/alice/%ff', 'prefix=%', 'cursor=%c3%28']) {
      const list = await api.call(`/api/assets?${query}`)
      expect(list).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    }
  })

  it('of a size that no number of JSON can be is refused', async () => {
    for (const size of ['NaN', 'Infinity', '1e999', '-0.5', '"1"', '01']) {
      const body = `{"key":"users/alice/f","contentType":"a/b","size":${size}}`
      const answer = await api.call('/api/uploads', { body, headers: asJson })
      expect(answer.status).toBe(400)
      expect(answer.body.code).toMatch(/^ERR_(SIZE|REQUEST_INVALID)$/)
    }
  })

  it('in a path is decoded once', async () => {
    for (const path of [
      'users/alice/%2e%2e/bob',
      'users/alice/a%2Fb',
      'users/alice/%zz',
      'users%2Falice/x',
      'users/alice/%ff',
      'users/alice/%EF%BF%BD',
      'users/alice/%00',
      '%5Fstate/x',
    ]) {
      const answer = await api.call(`/api/assets/${path}`)
      expect([400, 404]).toContain(answer.status)
      expect(answer.body.code).toMatch(/^ERR_(KEY_INVALID|KEY_RESERVED|NOT_FOUND|ASSET_NOT_FOUND)$/)
    }
  })

  it('of a key that does not fit behind the key prefix is refused before the store is asked', async () => {
    const behindPrefix = createTestApi(
      new Proxy(unreachable, { get: (target, name) => (name === 'maxKeyLength' ? 1022 : Reflect.get(target, name)) }),
    )
    const key = `users/alice/${'x'.repeat(1011)}`
    const answers = [
      await behindPrefix.call(`/api/assets/${key}`),
      await behindPrefix.call(`/api/assets/${key}`, { method: 'DELETE' }),
      await behindPrefix.call(`/api/assets?prefix=${key}`),
      await behindPrefix.call('/api/downloads', { json: { key } }),
      await behindPrefix.call('/api/downloads', { json: { files: [{ key }] } }),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_KEY_INVALID' } })
    expect((await behindPrefix.call('/api/downloads', { json: { key: key.slice(0, 1022) } })).status).toBe(200)
  })

  it('of a folder that is too long for a policy is about the key, not about the session', async () => {
    for (const name of ['é'.repeat(80), 'x'.repeat(500)]) {
      const folder = await api.call('/api/downloads', { json: { prefix: `users/alice/${name}/` } })
      expect(folder).toMatchObject({ status: 400, body: { code: 'ERR_KEY_INVALID' } })
      const other = await api.call('/api/downloads', { json: { prefix: `users/bob/${name}/` } })
      expect(other).toMatchObject({ status: 404, body: { code: 'ERR_ASSET_NOT_FOUND' } })
    }
  })

  it('of downloads is counted and parsed', async () => {
    const files = (n: number) => ({
      json: { files: Array.from({ length: n }, (_, i) => ({ key: `users/alice/${i}` })) },
    })
    expect((await api.call('/api/downloads', files(1001))).status).toBe(400)
    expect((await api.call('/api/downloads', files(0))).status).toBe(400)
    for (const filename of ['a/b', '..', 'a\nb', 'x'.repeat(256), '']) {
      const answer = await api.call('/api/downloads', { json: { key: 'users/alice/f', filename } })
      expect(answer.status).toBe(400)
    }
  })
})

describe('downloads', () => {
  it('are signed for a thousand keys in one call', async () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `users/alice/file ${index}.bin`)
    const { status, body } = await api.call('/api/downloads', {
      json: { files: keys.map((key) => ({ key })), expiresIn: 60 },
    })
    expect(status).toBe(200)
    expect(body.files.map((file: { key: string }) => file.key)).toEqual(keys)
    expect(new Set(body.files.map((file: { url: string }) => file.url)).size).toBe(1000)
  })

  it('of a folder open what lies below it', async () => {
    const { body } = await api.call('/api/downloads', { json: { prefix: 'users/alice/my photos/' } })
    expect(body).toMatchObject({ baseUrl: 'https://cdn.example.test/users/alice/my%20photos/', isPermanent: false })
    const policy = new URLSearchParams(body.querystring).get('Policy') ?? ''
    const json = Buffer.from(policy.replaceAll('_', '=').replaceAll('~', '/').replaceAll('-', '+'), 'base64').toString()
    expect(JSON.parse(json).Statement[0].Resource).toBe('https://cdn.example.test/users/alice/my%20photos/*')
  })
})

describe('CORS', () => {
  it('allows the app, and nobody else', async () => {
    const preflight = (origin: string) =>
      api.call('/api/uploads', {
        method: 'OPTIONS',
        as: null,
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    const allowed = await preflight(appOrigin)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe(appOrigin)
    expect(allowed.headers.get('access-control-allow-headers')).toMatch(/\bcontent-type\b/i)
    expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull()
    const answer = await api.call('/api/assets', { as: null, headers: { origin: appOrigin } })
    expect(answer.headers.get('access-control-allow-origin')).toBe(appOrigin)
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
  })
})
