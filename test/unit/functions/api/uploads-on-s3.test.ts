/** The API's upload routes over S3 in memory: from the ticket to the asset. */
import { describe, expect, it } from 'vitest'
import { isRefusal, publishEvent } from '../../../../functions/publish/create-handler.ts'
import { createS3Store } from '../../../../shared/assets/s3/store.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'
import { createTestApi, type TestApi } from '../../../support/api.ts'
import { createMemoryS3 } from '../../../support/memory-s3.ts'

const MiB = 1024 ** 2
const bytes = Buffer.from('some bytes')

function setUp(uploads: StageConfigInput['uploads'] = {}) {
  const s3 = createMemoryS3()
  const { client, bucket } = s3
  const clock = { now: Math.floor(Date.now() / 1000) }
  const store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  const testApi = createTestApi(store, { config: { uploads }, now: () => clock.now })
  /** Each request comes with a session of its own moment, so that no revocation is about the session. */
  const session = () => testApi.sessions.signed({ payload: { sub: 'alice', iat: clock.now, exp: clock.now + 600 } })
  const api: TestApi = { ...testApi, call: (path, options) => testApi.call(path, { as: session(), ...options }) }
  const ticket = async (wish: object = {}) => {
    const json = { key: 'users/alice/a.parquet', size: bytes.length, ...wish }
    return api.call('/api/uploads', { json })
  }
  const confirm = (uploadId: string) => api.call(`/api/uploads/${uploadId}/confirm`, { json: {} })
  /** Revokes alice's prefix: what was issued until now. */
  const revoke = () => {
    const entry = { prefix: '/users/alice/', before: clock.now, expires: clock.now + 86_400 }
    api.documents.state = JSON.stringify({ revocations: [entry] })
    // Beyond the time for which the API may go on with the state that it knows.
    clock.now += 301
  }
  const event = () => {
    const key = [...s3.objects.keys()].find((name) => name.startsWith('_incoming/')) ?? '_incoming/none'
    return publishEvent({ detail: { object: { key } } }, '', api.services.uploads)
  }
  return { s3, api, store, ticket, confirm, revoke, event, clock }
}

describe('a content type that the browser does not know', () => {
  it.each([{}, { contentType: '' }])('%j is a stream of bytes', async (wish) => {
    const { s3, ticket, confirm } = setUp()
    const { status, body } = await ticket(wish)
    expect(status).toBe(201)
    expect(await s3.deliver(body, bytes)).toBe(200)
    expect((await confirm(body.uploadId)).body).toMatchObject({ size: 10, contentType: 'application/octet-stream' })
  })

  it.each(['', undefined])('is one for Uppy, too (%j)', async (type) => {
    const { api } = setUp()
    const query = new URLSearchParams({ filename: 'a.parquet', ...(type === undefined ? {} : { type }) })
    const params = await api.call(`/api/s3/params?${query}`)
    expect(params.body.fields['Content-Type']).toBe('application/octet-stream')
    const begun = await api.call('/api/s3/multipart', { json: { filename: 'a.parquet', type } })
    expect(begun.status).toBe(200)
  })
})

describe('a ticket that was issued before its owner’s access was revoked', () => {
  it('is not confirmed, and what came for it is dropped', async () => {
    const { s3, ticket, confirm, revoke } = setUp()
    const { body } = await ticket()
    await s3.deliver(body, bytes)
    revoke()
    const answer = await confirm(body.uploadId)
    expect(answer).toMatchObject({ status: 410, body: { code: 'ERR_UPLOAD_REVOKED' } })
    expect([...s3.objects.keys()].filter((name) => !name.startsWith('_state/'))).toEqual([])
  })

  it('is not published by its event', async () => {
    const { s3, ticket, revoke, event } = setUp()
    const { body } = await ticket()
    revoke()
    await s3.deliver(body, bytes)
    const outcome = await event()
    expect([outcome, isRefusal(outcome)]).toEqual(['ERR_UPLOAD_REVOKED', true])
    expect([...s3.objects.keys()].filter((name) => !name.startsWith('_state/'))).toEqual([])
  })

  it('is not published while the revocations cannot be read, and is afterwards', async () => {
    const { s3, api, ticket, event, confirm, clock } = setUp()
    const { body } = await ticket()
    await s3.deliver(body, bytes)
    const { state } = api.documents
    api.documents.state = undefined
    clock.now += 301
    await expect(event()).rejects.toThrow('not available')
    api.documents.state = state
    clock.now += 30
    expect((await confirm(body.uploadId)).status).toBe(200)
  })

  it('gets no part URLs, and is not completed: its parts are dropped', async () => {
    for (const step of ['parts', 'complete']) {
      const { s3, api, ticket, revoke, store } = setUp()
      const { body } = await ticket({ size: 200 * MiB })
      const [, part] = [body, await api.call(`/api/uploads/${body.uploadId}/parts`, { json: { partNumbers: [1] } })]
      await s3.deliver({ method: 'PUT', url: part.body.parts[0].url, headers: {}, expiresAt: 0 }, Buffer.alloc(8 * MiB))
      revoke()
      const json = step === 'parts' ? { partNumbers: [2] } : {}
      const answer = await api.call(`/api/uploads/${body.uploadId}/${step}`, { json })
      expect(answer).toMatchObject({ status: 410, body: { code: 'ERR_UPLOAD_REVOKED' } })
      const parts = await api.call(`/api/uploads/${body.uploadId}/parts`)
      expect(parts).toMatchObject({ status: 404, body: { code: 'ERR_UPLOAD_NOT_FOUND' } })
      expect(store.multipart).toBeDefined()
    }
  })

  it('is refused too where the API had an old copy of the revocations when it issued the ticket', async () => {
    const { s3, api, ticket, confirm, clock } = setUp()
    // The bucket stops answering after the first request; a revocation is written meanwhile.
    expect((await ticket({ key: 'users/alice/first.txt' })).status).toBe(201)
    api.documents.state = undefined
    const before = clock.now + 1 + 120
    clock.now += 290
    const { status, body } = await ticket()
    expect(status).toBe(201)
    await s3.deliver(body, bytes)
    api.documents.state = JSON.stringify({
      revocations: [{ prefix: '/users/alice/', before, expires: before + 86_400 }],
    })
    clock.now += 301
    expect(await confirm(body.uploadId)).toMatchObject({ status: 410, body: { code: 'ERR_UPLOAD_REVOKED' } })
  })

  it('of an upload that was published is confirmed', async () => {
    const { s3, ticket, event, confirm, revoke } = setUp()
    const { body } = await ticket()
    await s3.deliver(body, bytes)
    await event()
    revoke()
    expect((await confirm(body.uploadId)).status).toBe(200)
  })
})

describe('the quota of a prefix', () => {
  it('counts what is there and what comes, and not what is replaced', async () => {
    const { s3, ticket, confirm } = setUp({ quotaBytes: 20 })
    const send = async (wish: object) => {
      const { status, body } = await ticket(wish)
      if (status !== 201) return body.code
      await s3.deliver(body, bytes)
      const answer = await confirm(body.uploadId)
      return answer.body.code ?? answer.status
    }
    expect(await send({ key: 'users/alice/a' })).toBe(200)
    expect(await send({ key: 'users/alice/b' })).toBe(200)
    expect(await send({ key: 'users/alice/c' })).toBe('ERR_QUOTA')
    expect(await send({ key: 'users/alice/a', overwrite: true })).toBe(200)
    expect(await send({ key: 'users/alice/c', overwrite: true })).toBe('ERR_QUOTA')
  })

  it('does not refuse a copy or move that was made already', async () => {
    const { api, store } = setUp({ quotaBytes: 20 })
    await store.save('users/alice/a' as never, bytes, 'a/b', { overwrite: false })
    const json = { from: 'users/alice/a', to: 'users/alice/b' }
    const copied = await api.call('/api/assets/copy', { json })
    expect(copied.status).toBe(200)
    expect(await api.call('/api/assets/copy', { json })).toMatchObject({ status: 200, body: copied.body })
    const more = await api.call('/api/assets/copy', { json: { ...json, to: 'users/alice/c' } })
    expect(more).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
  })
})

it('a multipart upload of fewer bytes than declared is not published', async () => {
  const { s3, api, ticket } = setUp()
  const { body } = await ticket({ size: 200 * MiB })
  const { uploadId } = body
  const { body: signed } = await api.call(`/api/uploads/${uploadId}/parts`, { json: { partNumbers: [1, 2] } })
  for (const { url } of signed.parts) {
    await s3.deliver({ method: 'PUT', url, headers: {}, expiresAt: 0 }, Buffer.alloc(8 * MiB))
  }
  const answer = await api.call(`/api/uploads/${uploadId}/complete`, { json: {} })
  expect(answer).toMatchObject({ status: 409, body: { code: 'ERR_UPLOAD_INCOMPLETE' } })
  expect(s3.objects.size).toBe(0)
})
