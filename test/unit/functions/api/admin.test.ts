import { describe, expect, it } from 'vitest'
import { openApiDocument } from '../../../../functions/api/openapi.ts'
import type { AssetStore } from '../../../../shared/assets/asset-store.ts'
import { appOrigin, createTestApi } from '../../../support/api.ts'

const store = { maxKeyLength: 1024, singleProtocol: 'put', multipart: undefined } as unknown as AssetStore
const path = '/api/admin/revocations'
const admin = { as: 'root', claims: { scope: 'edge-signer:admin' } }
const open = () => createTestApi(store)

describe('/api/admin', () => {
  it('needs a session with the scope, and never answers 403', async () => {
    const api = open()
    const requests = [{ method: 'GET' }, { json: { prefix: '/users/bob/' } }, { json: { nonsense: true } }]
    for (const request of requests) {
      expect(await api.call(path, { ...request, as: null, headers: { origin: appOrigin } })).toMatchObject({
        status: 401,
        body: { code: 'ERR_SESSION_MISSING' },
      })
      for (const claims of [{}, { scope: 'assets:public' }, { scope: 'edge-signer:administrator' }, { scope: 7 }]) {
        const answer = await api.call(path, { ...request, claims })
        expect(answer).toMatchObject({ status: 401, body: { code: 'ERR_ADMIN_SCOPE', status: 401 } })
      }
    }
    expect((await api.call(`${path}/x`, { method: 'DELETE' })).body.code).toBe('ERR_ADMIN_SCOPE')
    // Only a session with the scope can distinguish a missing revocation.
    expect((await api.call('/api/admin/nothing')).body.code).toBe('ERR_ADMIN_SCOPE')
    expect((await api.call('/api/admin/nothing', admin)).status).toBe(404)
    expect(api.revocations.json()).toBeUndefined()
  })

  it('takes the scope as a list too, and under the name that the stage gives it', async () => {
    const api = createTestApi(store, { config: { adminScope: 'ops' } })
    expect((await api.call(path, { as: 'root', claims: { permissions: ['read', 'ops'] } })).status).toBe(200)
    expect((await api.call(path, admin)).body.code).toBe('ERR_ADMIN_SCOPE')
  })

  it('is refused with a cookie from elsewhere', async () => {
    const api = open()
    const cookie = `session=${api.sessions.session('root', admin.claims)}`
    const send = (headers: Record<string, string>) =>
      api.call(path, { as: null, json: { prefix: '/users/bob/' }, headers: { cookie, ...headers } })
    expect((await send({})).body.code).toBe('ERR_ORIGIN_REQUIRED')
    expect((await send({ origin: 'https://evil.test' })).body.code).toBe('ERR_ORIGIN_REQUIRED')
    expect((await send({ origin: appOrigin })).status).toBe(201)
  })
})

describe('revocations', () => {
  it('open again at the second DELETE where the first was cut off between the state and the KeyValueStore', async () => {
    const api = open()
    const { id } = (await api.call(path, { ...admin, json: { prefix: '/users/bob/' } })).body
    await api.call(path, { ...admin, json: { prefix: '/users/carol/' } })
    const { entries, keyValues } = api.revocations
    const update = keyValues.update
    Object.assign(keyValues, { update: () => Promise.reject(new Error('cut off')) })
    expect((await api.call(`${path}/${id}`, { ...admin, method: 'DELETE' })).status).toBe(503)
    Object.assign(keyValues, { update })
    expect([...entries.keys()]).toContain('revoked/users/bob/')
    expect((await api.call(`${path}/${id}`, { ...admin, method: 'DELETE' })).status).toBe(404)
    expect([...entries.keys()]).not.toContain('revoked/users/bob/')
    expect([...entries.keys()]).toContain('revoked/users/carol/')
  })

  it('are added, listed and deleted', async () => {
    const api = open()
    const added = await api.call(path, { ...admin, json: { prefix: '/users/bob/', sub: 'bob' } })
    expect(added.status).toBe(201)
    const { id, before } = added.body
    expect(added.body).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/),
      prefix: '/users/bob/',
      sub: 'bob',
      before: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      expiresAt: expect.any(String),
    })
    expect(Date.parse(before) / 1000 - Date.now() / 1000).toBeGreaterThan(100)
    expect(JSON.parse(api.revocations.entries.get('revoked/users/bob/') ?? '').before).toBe(Date.parse(before) / 1000)
    await api.call(path, { ...admin, json: { prefix: '/teams/zo%C3%AB/' } })
    const listed = await api.call(path, admin)
    expect(listed.body.revocations).toHaveLength(2)
    expect(listed.body.revocations).toContainEqual(added.body)
    const gone = await api.call(`${path}/${id}`, { ...admin, method: 'DELETE' })
    expect(gone).toMatchObject({ status: 200, body: { id, deleted: true } })
    expect([...api.revocations.entries.keys()]).toEqual(['revoked/teams/zo%C3%AB/'])
    expect((await api.call(`${path}/${id}`, { ...admin, method: 'DELETE' })).status).toBe(404)
  })

  it('of what nobody can be granted are refused: they would refuse nobody', async () => {
    const api = open()
    for (const prefix of [
      '/users/',
      '/users/bob',
      'users/bob/',
      '/users/bob/x/',
      '/users/b b/',
      '/users/../',
      '/api/x/',
      '',
    ]) {
      const answer = await api.call(path, { ...admin, json: { prefix } })
      expect([answer.status, answer.body.code], prefix).toEqual([400, 'ERR_REVOCATION_PREFIX'])
    }
    for (const json of [{}, { prefix: 7 }, { prefix: '/users/bob/', sub: '' }, { prefix: '/users/bob/', ttl: 1 }]) {
      expect((await api.call(path, { ...admin, json })).body.code).toBe('ERR_REQUEST_INVALID')
    }
    expect(api.revocations.json()).toBeUndefined()
  })

  it('are in the log with who did it, without the session', async () => {
    const api = open()
    await api.call(path, { ...admin, json: { prefix: '/users/bob/' } })
    expect(api.logged).toEqual([
      expect.objectContaining({ level: 'info', action: 'revoke', prefix: '/users/bob/', by: 'root' }),
    ])
  })

  it('that cannot be written are a 503 that says nothing of why', async () => {
    const api = open()
    api.revocations.beforeWrite(() => {
      throw new Error('AccessDenied: arn:aws:iam::123456789012:role/x')
    })
    const answer = await api.call(path, { ...admin, json: { prefix: '/users/bob/' } })
    expect(answer).toMatchObject({ status: 503, body: { code: 'ERR_STATE_UNAVAILABLE' } })
    expect(JSON.stringify(answer.body)).not.toContain('arn:')
  })

  it('are in the OpenAPI document', async () => {
    const api = open()
    const { createApp } = await import('../../../../functions/api/app.ts')
    const { paths } = await openApiDocument(createApp(api.services), 'session')
    expect(Object.keys(paths?.['/api/admin/revocations'] ?? {}).sort()).toEqual(['get', 'post'])
    expect(paths?.['/api/admin/revocations/{id}']?.delete?.responses).toHaveProperty('404')
    expect(JSON.stringify(paths)).not.toContain('"403"')
  })
})
