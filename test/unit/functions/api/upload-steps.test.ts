/** Bad steps of an upload in parts, over a store with answers from the test, which records its calls. */
import { describe, expect, it } from 'vitest'
import type { Asset, AssetStore, StoredPart } from '../../../../shared/assets/asset-store.ts'
import type { StageConfigInput } from '../../../../shared/config/stage-config.ts'
import { createTestApi } from '../../../support/api.ts'

const MiB = 1024 ** 2
const size = 200 * MiB
const etag = `"${'f'.repeat(32)}"`

/** 200 MiB are 25 parts of 8 MiB. */
const wholeFile = Array.from({ length: 25 }, (_, index) => part(index + 1))

function part(partNumber: number, bytes = 8 * MiB): StoredPart {
  return { partNumber, etag, size: bytes }
}

const claim = (numbers: readonly number[]) => ({ parts: numbers.map((partNumber) => ({ partNumber, etag })) })
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

function setUp(uploads: StageConfigInput['uploads'] = {}, cdn?: null) {
  const state = { parts: wholeFile as StoredPart[] | undefined, now: Math.floor(Date.now() / 1000), used: 0 }
  const done: string[] = []
  let asset: Asset | undefined
  const store: Partial<AssetStore> = {
    maxKeyLength: 1024,
    singleProtocol: 'put',
    describe: async () => asset,
    usage: async () => state.used,
    multipart: {
      begin: async () => 'store-id',
      signParts: async (_upload, numbers, now) => {
        done.push('sign')
        return { urls: numbers.map((n) => `https://s3.test/${n}`), expiresAt: now + 60 }
      },
      listParts: async () => state.parts,
      complete: async ({ key, id, contentType }, parts) => {
        done.push('complete')
        state.parts = undefined
        const bytes = parts.reduce((sum, one) => sum + one.size, 0)
        asset = { key, size: bytes, contentType, etag, lastModified: 0, checksum: undefined, uploadId: id }
        return asset
      },
      abort: async () => void done.push('abort'),
    },
  }
  const api = createTestApi(store as AssetStore, {
    config: { uploads },
    now: () => state.now,
    ...(cdn === null ? { cdn } : {}),
  })
  const wish = { key: 'users/alice/disk.img', contentType: 'a/b', size }
  const begin = async () => (await api.call('/api/uploads', { json: wish })).body.uploadId as string
  const step = (id: string, name: string, json: object, as = 'alice') =>
    api.call(`/api/uploads/${id}/${name}`, { json, as })
  return { api, state, done, begin, step }
}

describe('part numbers', () => {
  it.each([[[0]], [[10_001]], [[-1]], [[1.5]], [[1, 1]], [[2, 1, 2]]])('%j have no URLs', async (partNumbers) => {
    const { begin, step, done } = setUp()
    const answer = await step(await begin(), 'parts', { partNumbers })
    expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_UPLOAD_PARTS' } })
    expect(done).toEqual([])
  })

  it('come up to 1,000 at a time', async () => {
    const { begin, step } = setUp()
    const id = await begin()
    for (const partNumbers of [[], upTo(1001), ['1'], null]) {
      const answer = await step(id, 'parts', { partNumbers })
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    }
    expect((await step(id, 'parts', { partNumbers: upTo(1000) })).body.parts).toHaveLength(1000)
  })

  it('of Uppy are whole numbers too', async () => {
    const { api, done } = setUp()
    const begun = await api.call('/api/s3/multipart', { json: { filename: 'disk.img', type: 'a/b', metadata: {} } })
    const { uploadId, key } = begun.body
    const query = (more = {}) => new URLSearchParams({ key, ...more })
    for (const number of ['0', '10001', '99999']) {
      const answer = await api.call(`/api/s3/multipart/${uploadId}/${number}?${query()}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_UPLOAD_PARTS' } })
    }
    for (const number of ['x', '1.5', '-1', '100000']) {
      const answer = await api.call(`/api/s3/multipart/${uploadId}/${number}?${query()}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    }
    for (const partNumbers of ['', 'x', '1,,2', '1;2', upTo(1001).join()]) {
      const answer = await api.call(`/api/s3/multipart/${uploadId}/batch?${query({ partNumbers })}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_REQUEST_INVALID' } })
    }
    for (const partNumbers of ['0,1', '1,1', '10001']) {
      const answer = await api.call(`/api/s3/multipart/${uploadId}/batch?${query({ partNumbers })}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_UPLOAD_PARTS' } })
    }
    expect(done).toEqual([])
  })
})

describe('completing', () => {
  it.each([
    ['part 0', [0, ...upTo(24)], 'ERR_UPLOAD_PARTS'],
    ['part 10,001', [...upTo(24), 10_001], 'ERR_UPLOAD_PARTS'],
    ['a part twice', [...upTo(24), 24], 'ERR_UPLOAD_PARTS'],
    ['a hole', [...upTo(23), 25, 26], 'ERR_UPLOAD_PARTS'],
    ['half a part', [...upTo(24), 24.5], 'ERR_UPLOAD_PARTS'],
    ['one too few', upTo(24), 'ERR_UPLOAD_INCOMPLETE'],
    ['one too many', upTo(26), 'ERR_UPLOAD_INCOMPLETE'],
    ['none', [], 'ERR_UPLOAD_INCOMPLETE'],
  ])('with %s publishes nothing', async (_what, numbers, code) => {
    const { begin, step, done } = setUp()
    expect((await step(await begin(), 'complete', claim(numbers))).body.code).toBe(code)
    expect(done).toEqual([])
  })

  it.each([
    ['a hole', wholeFile.filter((one) => one.partNumber !== 7), 'ERR_UPLOAD_INCOMPLETE'],
    ['a short part', [part(1, 8 * MiB - 1), ...wholeFile.slice(1)], 'ERR_UPLOAD_MISMATCH'],
    ['a part more than declared', [...wholeFile, part(26, 1)], 'ERR_UPLOAD_MISMATCH'],
    ['nothing', [], 'ERR_UPLOAD_INCOMPLETE'],
  ])('where the store has %s publishes nothing', async (_what, parts, code) => {
    const { begin, step, done, state } = setUp()
    state.parts = parts
    expect((await step(await begin(), 'complete', {})).body.code).toBe(code)
    expect(done).toEqual([])
  })

  it('with another ETag publishes nothing', async () => {
    const { begin, step, done } = setUp()
    const parts = upTo(25).map((partNumber) => ({ partNumber, etag: partNumber === 9 ? '"other"' : etag }))
    expect((await step(await begin(), 'complete', { parts })).body.code).toBe('ERR_UPLOAD_MISMATCH')
    expect(done).toEqual([])
  })

  it('takes 10,000 parts in any order, refuses 10,001, and a body over 2 MB', async () => {
    const { api, state, done } = setUp()
    const begun = await api.call('/api/s3/multipart', { json: { filename: 'disk.img', type: 'a/b', metadata: {} } })
    const { uploadId, key } = begun.body
    const path = `/api/s3/multipart/${uploadId}/complete?${new URLSearchParams({ key })}`
    const parts = (count: number) => ({
      parts: upTo(count)
        .reverse()
        .map((PartNumber) => ({ PartNumber, ETag: etag })),
    })
    state.parts = upTo(10_000).map((number) => part(number))
    expect((await api.call(path, { json: parts(10_001) })).body).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
    const long = JSON.stringify(parts(10_000)).padEnd(2 * MiB + 1)
    const headers = { 'content-type': 'application/json' }
    expect((await api.call(path, { body: long, headers })).body.code).toBe('ERR_BODY_TOO_LARGE')
    expect(done).toEqual([])
    expect(await api.call(path, { json: parts(10_000) })).toMatchObject({ status: 200, body: { key } })
    expect(done).toEqual(['complete'])
  })

  it('succeeds where the asset is published and no URL for it can be made', async () => {
    const { api, done } = setUp({}, null)
    const begun = await api.call('/api/s3/multipart', { json: { filename: 'disk.img', type: 'a/b', metadata: {} } })
    const { uploadId, key } = begun.body
    const json = { parts: upTo(25).map((PartNumber) => ({ PartNumber, ETag: etag })) }
    const path = `/api/s3/multipart/${uploadId}/complete?${new URLSearchParams({ key })}`
    expect(await api.call(path, { json })).toMatchObject({ status: 200, body: { key, location: '' } })
    expect(done).toEqual(['complete'])
    expect(api.logged).toMatchObject([{ level: 'warn', code: 'ERR_CONFIG' }])
    const download = await api.call('/api/downloads', { json: { key } })
    expect(download).toMatchObject({ status: 503, body: { code: 'ERR_CONFIG' } })
  })

  it('of an undeclared size stays below the limit of a file', async () => {
    const { api, state, done } = setUp({ maxBytes: size - 1 })
    const begun = await api.call('/api/s3/multipart', { json: { filename: 'disk.img', type: 'a/b', metadata: {} } })
    const { uploadId, key } = begun.body
    state.parts = wholeFile
    const json = { parts: upTo(25).map((PartNumber) => ({ PartNumber, ETag: etag })) }
    const path = `/api/s3/multipart/${uploadId}/complete?${new URLSearchParams({ key })}`
    expect(await api.call(path, { json })).toMatchObject({ status: 413, body: { code: 'ERR_TOO_LARGE' } })
    expect(done).toEqual([])
  })

  it('beyond the quota publishes nothing, and succeeds when there is room again', async () => {
    const { api, begin, step, state, done } = setUp({ quotaBytes: size })
    const id = await begin()
    state.used = 1
    const refused = await step(id, 'complete', {})
    expect(refused).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
    const ticket = await api.call('/api/uploads', { json: { key: 'users/alice/b', contentType: 'a/b', size } })
    expect(ticket).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
    expect(done).toEqual([])
    state.used = 0
    expect((await step(id, 'complete', {})).status).toBe(200)
  })

  it('twice is the same as once', async () => {
    const { begin, step, done } = setUp()
    const id = await begin()
    const first = await step(id, 'complete', claim(upTo(25)))
    expect(first).toMatchObject({ status: 200, body: { size } })
    expect((await step(id, 'complete', claim(upTo(25)))).body).toEqual(first.body)
    expect(done).toEqual(['complete'])
  })

  it('too late is refused, and what is published stays published', async () => {
    const { api, begin, step, done, state } = setUp()
    const [late, early] = [await begin(), await begin()]
    const published = await step(early, 'complete', {})
    expect(published.status).toBe(200)
    state.parts = wholeFile
    state.now += 7 * 86_400
    const session = api.sessions.signed({ payload: { sub: 'alice', iat: state.now, exp: state.now + 600 } })
    expect(await step(late, 'complete', {}, session)).toMatchObject({
      status: 410,
      body: { code: 'ERR_UPLOAD_EXPIRED' },
    })
    const parts = await step(late, 'parts', { partNumbers: [1] }, session)
    expect(parts).toMatchObject({ status: 410, body: { code: 'ERR_UPLOAD_EXPIRED' } })
    expect((await step(early, 'complete', {}, session)).body).toEqual(published.body)
    expect(done).toEqual(['complete'])
  })
})

it('is nobody else’s: every step looks as if there were no such upload', async () => {
  const { api, begin, step, done } = setUp()
  const id = await begin()
  const attempts = [
    await step(id, 'parts', { partNumbers: [1] }, 'bob'),
    await step(id, 'complete', {}, 'bob'),
    await step(id, 'confirm', {}, 'bob'),
    await api.call(`/api/uploads/${id}/parts`, { as: 'bob' }),
    await api.call(`/api/uploads/${id}`, { method: 'DELETE', as: 'bob' }),
    await api.call(`/api/s3/multipart/${id}?key=users/alice/disk.img`, { as: 'bob' }),
    await api.call(`/api/s3/multipart/${id}?key=users/alice/disk.img`, { method: 'DELETE', as: 'bob' }),
  ]
  for (const attempt of attempts) {
    expect(attempt).toMatchObject({ status: 404, body: { code: 'ERR_UPLOAD_NOT_FOUND' } })
  }
  expect(done).toEqual([])
})

it('is not confirmed: that is for one-request uploads', async () => {
  const { begin, step } = setUp()
  expect((await step(await begin(), 'confirm', {})).body.code).toBe('ERR_UPLOAD_NOT_FOUND')
})

describe('what Uppy sends', () => {
  it.each([
    [{ 'metadata[key]': 'users/alice/../bob/x' }, 400, 'ERR_KEY_INVALID'],
    [{ 'metadata[key]': '/users/alice/x' }, 400, 'ERR_KEY_INVALID'],
    [{ 'metadata[key]': '_state/revocations.json' }, 400, 'ERR_KEY_RESERVED'],
    [{ 'metadata[key]': 'users/bob/x' }, 404, 'ERR_ASSET_NOT_FOUND'],
    [{ 'metadata[key]': 'public/x' }, 401, 'ERR_SCOPE'],
    [{ 'metadata[visibility]': 'public' }, 401, 'ERR_SCOPE'],
    [{ type: 'png' }, 400, 'ERR_CONTENT_TYPE'],
    [{ type: 'a/b\r\nx: y' }, 400, 'ERR_CONTENT_TYPE'],
  ])('%j is refused by both ways', async (changes, status, code) => {
    const { api } = setUp()
    const query = new URLSearchParams({ filename: 'x', type: 'a/b', ...changes })
    expect(await api.call(`/api/s3/params?${query}`)).toMatchObject({ status, body: { code } })
    const metadata = Object.fromEntries(
      Object.entries(changes).flatMap(([name, value]) => {
        const field = /^metadata\[(\w+)\]$/.exec(name)?.[1]
        return field === undefined ? [] : [[field, value]]
      }),
    )
    const json = { filename: 'x', type: query.get('type'), metadata }
    expect(await api.call('/api/s3/multipart', { json })).toMatchObject({ status, body: { code } })
  })

  it('needs a file name', async () => {
    const { api } = setUp()
    expect((await api.call('/api/s3/params?type=a/b')).body.code).toBe('ERR_REQUEST_INVALID')
    expect((await api.call('/api/s3/multipart', { json: { type: 'a/b' } })).body.code).toBe('ERR_REQUEST_INVALID')
  })
})
