/** The API as deployed, over a real S3 server: what clients see from ticket to download. */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createS3Presign } from '../../../shared/assets/s3/presign.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { createTestApi, type TestApi } from '../../support/api.ts'
import { deliver } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'

const MiB = 1024 ** 2
let server: S3Server
let api: TestApi
const make = (config = {}) => {
  const location = { client: server.client, bucket: server.bucket, keyPrefix: 'p/', conditionalCopy: 'native' as const }
  const store = createS3Store({ ...location, ticketSeconds: 600 })
  return createTestApi(store, { config: { keyPrefix: 'p/', ...config }, presign: createS3Presign(location) })
}
beforeAll(async () => {
  server = await startS3Server()
  api = make()
})
afterAll(() => server?.stop())

let count = 0
const freshKey = (user = 'alice') => `users/${user}/file ${++count}.txt`
const pathOf = (key: string) => key.split('/').map(encodeURIComponent).join('/')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

async function upload(key: string, bytes: Uint8Array, more: object = {}, to = api) {
  const json = { key, contentType: 'text/plain', size: bytes.length, ...more }
  const ticket = await to.call('/api/uploads', { json })
  expect(ticket.status).toBe(201)
  expect((await deliver(ticket.body, bytes)).status).toBe(200)
  return to.call(`/api/uploads/${ticket.body.uploadId}/confirm`, { json: {} })
}

describeOnS3('a one-request upload', () => {
  it('goes from ticket to asset to download', async () => {
    const key = freshKey()
    const bytes = randomBytes(1000)
    const checksum = { algorithm: 'SHA256', value: sha256(bytes) }
    const ticket = await api.call('/api/uploads', { json: { key, contentType: 'image/png', size: 1000, checksum } })
    expect(ticket).toMatchObject({ status: 201, body: { protocol: 'put', method: 'PUT', key } })
    expect((await api.call(`/api/assets/${pathOf(key)}`)).body.code).toBe('ERR_ASSET_NOT_FOUND')
    expect((await deliver(ticket.body, bytes)).status).toBe(200)
    expect((await api.call(`/api/assets/${pathOf(key)}`)).status).toBe(404)
    const confirmed = await api.call(`/api/uploads/${ticket.body.uploadId}/confirm`, { json: {} })
    expect(confirmed).toMatchObject({ status: 200, body: { key, size: 1000, contentType: 'image/png', checksum } })
    expect((await api.call(`/api/assets/${pathOf(key)}`)).body).toEqual(confirmed.body)
    expect((await api.call(`/api/uploads/${ticket.body.uploadId}/confirm`, { json: {} })).body).toEqual(confirmed.body)
  })

  it('ends when the client wants it to, and no later than the stage says', async () => {
    const wish = { contentType: 'text/plain', size: 1 }
    const ticket = (expiresIn: unknown, size = 1) =>
      api.call('/api/uploads', { json: { ...wish, key: freshKey(), size, expiresIn } })
    const secondsLeft = (answer: { expiresAt: string }) =>
      Math.round((Date.parse(answer.expiresAt) - Date.now()) / 1000)
    const { body } = await ticket(120)
    expect(new URL(body.url).searchParams.get('X-Amz-Expires')).toBe('120')
    expect(Math.abs(secondsLeft(body) - 120)).toBeLessThan(5)
    expect((await deliver(body, Buffer.from('x'))).status).toBe(200)
    const parts = await ticket(120, 101 * MiB)
    expect(Math.abs(secondsLeft(parts.body) - 120)).toBeLessThan(5)
    const signed = await api.call(`/api/uploads/${parts.body.uploadId}/parts`, { json: { partNumbers: [1] } })
    expect(secondsLeft(signed.body)).toBeLessThanOrEqual(120)
    // The stage of these tests has an hour, the default.
    expect((await ticket(3600)).status).toBe(201)
    for (const expiresIn of [59, 3601, 60.5, '60', -60, 1e9]) {
      const refused = { status: 400, body: { code: 'ERR_REQUEST_INVALID', fields: ['expiresIn'] } }
      expect(await ticket(expiresIn)).toMatchObject(refused)
    }
  })

  it('can be confirmed, aborted or completed by its owner only', async () => {
    const { body } = await api.call('/api/uploads', { json: { key: freshKey(), contentType: 'a/b', size: 1 } })
    for (const as of ['bob', 'alice2']) {
      for (const step of ['confirm', 'complete'] as const) {
        const answer = await api.call(`/api/uploads/${body.uploadId}/${step}`, { json: {}, as })
        expect(answer).toMatchObject({ status: 404, body: { code: 'ERR_UPLOAD_NOT_FOUND' } })
      }
      expect((await api.call(`/api/uploads/${body.uploadId}`, { method: 'DELETE', as })).status).toBe(404)
      expect((await api.call(`/api/uploads/${body.uploadId}/parts`, { as })).status).toBe(404)
    }
  })

  it('is refused when its token was changed', async () => {
    const { body } = await api.call('/api/uploads', { json: { key: freshKey(), contentType: 'a/b', size: 1 } })
    const [record, mac] = body.uploadId.split('.')
    const other = Buffer.from(Buffer.from(record, 'base64url').toString().replace('alice', 'bobby')).toString(
      'base64url',
    )
    for (const token of [`${other}.${mac}`, `${record}.`, record, `${record}.${mac}.${mac}`, `.${mac}`, 'x']) {
      const answer = await api.call(`/api/uploads/${token}/confirm`, { json: {} })
      expect(answer.body.code).toBe('ERR_UPLOAD_NOT_FOUND')
    }
  })

  it('needs access at every step: a team that was left cannot be written to', async () => {
    const claims = { team: 'red' }
    const key = `teams/red/f${++count}`
    const { body } = await api.call('/api/uploads', { json: { key, contentType: 'a/b', size: 1 }, claims })
    await deliver(body, Buffer.from('x'))
    const left = await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {}, claims: { team: 'blue' } })
    expect(left.body.code).toBe('ERR_UPLOAD_NOT_FOUND')
    expect((await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {}, claims })).status).toBe(200)
  })

  it('chooses a new key for a file name', async () => {
    const wish = { filename: 'C:\\temp\\wh?t*\u0007 naïve.txt', contentType: 'text/plain', size: 1 }
    const { body } = await api.call('/api/uploads', { json: wish })
    expect(body.key).toMatch(/^users\/alice\/uploads\/[\w-]{22}\/wh_t__ naïve\.txt$/)
    for (const filename of ['..', '/', '', 'x'.repeat(1000), '\ud800']) {
      expect((await api.call('/api/uploads', { json: { ...wish, filename } })).status).toBe(201)
    }
  })

  it('replaces, and invalidates at the CDN, only if asked to', async () => {
    const key = freshKey()
    expect((await upload(key, Buffer.from('one'))).status).toBe(200)
    const taken = await api.call('/api/uploads', { json: { key, contentType: 'a/b', size: 1 } })
    expect(taken).toMatchObject({ status: 409, body: { code: 'ERR_ASSET_EXISTS' } })
    api.invalidated.length = 0
    expect((await upload(key, Buffer.from('three'), { overwrite: true })).body.size).toBe(5)
    expect(api.invalidated).toEqual([`/${pathOf(key)}`])
  })

  it('is cancelled', async () => {
    const { body } = await api.call('/api/uploads', { json: { key: freshKey(), contentType: 'a/b', size: 1 } })
    await deliver(body, Buffer.from('x'))
    for (const _time of [1, 2]) {
      expect((await api.call(`/api/uploads/${body.uploadId}`, { method: 'DELETE' })).status).toBe(200)
    }
    const late = await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {} })
    expect(late).toMatchObject({ status: 410, body: { code: 'ERR_UPLOAD_USED' } })
  })

  it('stays within the quota', async () => {
    const poor = make({ uploads: { quotaBytes: 100 } })
    const json = (size: number) => ({ json: { key: `users/poor/f${++count}`, contentType: 'a/b', size }, as: 'poor' })
    expect((await poor.call('/api/uploads', json(101))).body.code).toBe('ERR_QUOTA')
    const [first, second] = [await poor.call('/api/uploads', json(60)), await poor.call('/api/uploads', json(60))]
    await deliver(first.body, Buffer.alloc(60))
    await deliver(second.body, Buffer.alloc(60))
    const confirm = (id: string) => poor.call(`/api/uploads/${id}/confirm`, { json: {}, as: 'poor' })
    expect((await confirm(first.body.uploadId)).status).toBe(200)
    expect(await confirm(second.body.uploadId)).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
  })
})

describeOnS3('a multipart upload', () => {
  const bytes = randomBytes(16 * MiB + 5)

  it('goes from ticket to asset, with parts out of order', async () => {
    // One byte above what one request takes makes it multipart; the declared size decides the parts.
    const big = 101 * MiB
    const key = freshKey()
    const body = Buffer.alloc(big, 7)
    const { body: ticket } = await api.call('/api/uploads', { json: { key, contentType: 'a/b', size: big } })
    expect(ticket).toMatchObject({ protocol: 'multipart', partSize: 8 * MiB, partCount: 13 })
    const partNumbers = Array.from({ length: 13 }, (_, index) => 13 - index)
    const signed = await api.call(`/api/uploads/${ticket.uploadId}/parts`, { json: { partNumbers } })
    const parts: { partNumber: number; etag: string }[] = []
    for (const { partNumber, url } of signed.body.parts) {
      const slice = body.subarray((partNumber - 1) * 8 * MiB, partNumber * 8 * MiB)
      const answer = await fetch(url, { method: 'PUT', body: slice })
      expect(answer.status).toBe(200)
      parts.push({ partNumber, etag: answer.headers.get('etag') ?? '' })
    }
    expect((await api.call(`/api/uploads/${ticket.uploadId}/parts`)).body.parts).toHaveLength(13)
    const done = await api.call(`/api/uploads/${ticket.uploadId}/complete`, { json: { parts } })
    expect(done).toMatchObject({ status: 200, body: { key, size: big } })
    expect((await api.call(`/api/uploads/${ticket.uploadId}/complete`, { json: {} })).body).toEqual(done.body)
  })

  it('refuses bad parts', async () => {
    const { body } = await api.call('/api/uploads', { json: { key: freshKey(), contentType: 'a/b', size: 200 * MiB } })
    for (const partNumbers of [[0], [10_001], [1, 1], [1.5], [26], [-1]]) {
      const answer = await api.call(`/api/uploads/${body.uploadId}/parts`, { json: { partNumbers } })
      expect(answer).toMatchObject({ status: 400, body: { code: 'ERR_UPLOAD_PARTS' } })
    }
    const parts = (numbers: number[]) => ({ parts: numbers.map((partNumber) => ({ partNumber, etag: 'x' })) })
    const complete = (json: object) => api.call(`/api/uploads/${body.uploadId}/complete`, { json })
    for (const numbers of [[0, 1], [2], [1, 3], [1, 1], [10_001]]) {
      expect((await complete(parts(numbers))).body.code).toBe('ERR_UPLOAD_PARTS')
    }
    expect((await complete({})).body.code).toBe('ERR_UPLOAD_INCOMPLETE')
    expect((await complete(parts([1]))).body.code).toBe('ERR_UPLOAD_INCOMPLETE')
  })

  it('takes a body that names 10,000 parts, and refuses 10,001', async () => {
    const { body } = await api.call('/api/uploads', { json: { key: freshKey(), contentType: 'a/b', size: 200 * MiB } })
    const parts = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ partNumber: index + 1, etag: `"${'f'.repeat(32)}"` }))
    const complete = (json: object) => api.call(`/api/uploads/${body.uploadId}/complete`, { json })
    expect((await complete({ parts: parts(10_000) })).body.code).toBe('ERR_UPLOAD_INCOMPLETE')
    expect((await complete({ parts: parts(10_001) })).body).toMatchObject({
      code: 'ERR_REQUEST_INVALID',
      fields: ['parts'],
    })
  })

  it('serves Uppy from its own key to the end', async () => {
    const type = 'image/png'
    const begun = await api.call('/api/s3/multipart', {
      json: { filename: 'a b.png', type, metadata: { name: 'a b.png' } },
    })
    const { key, uploadId } = begun.body
    expect(key).toMatch(/^users\/alice\/uploads\/[\w-]{22}\/a b\.png$/)
    const query = `?${new URLSearchParams({ key })}`
    const one = await api.call(`/api/s3/multipart/${encodeURIComponent(uploadId)}/1${query}`)
    const batch = await api.call(`/api/s3/multipart/${uploadId}/batch${query}&partNumbers=2,3`)
    const urls = [one.body.url, batch.body.presignedUrls['2'], batch.body.presignedUrls['3']]
    const parts = []
    for (const [index, url] of urls.entries()) {
      const slice = bytes.subarray(index * 8 * MiB, (index + 1) * 8 * MiB)
      const answer = await fetch(url, { method: 'PUT', body: slice })
      parts.push({ PartNumber: index + 1, ETag: (answer.headers.get('etag') ?? '').replaceAll('"', '') })
    }
    const listed = await api.call(`/api/s3/multipart/${uploadId}${query}`)
    expect(listed.body.map((part: { Size: number }) => part.Size)).toEqual([8 * MiB, 8 * MiB, 5])
    const other = `?${new URLSearchParams({ key: 'users/alice/other' })}`
    expect((await api.call(`/api/s3/multipart/${uploadId}${other}`)).status).toBe(404)
    const done = await api.call(`/api/s3/multipart/${uploadId}/complete${query}`, { json: { parts } })
    expect(done).toMatchObject({ status: 200, body: { key, bucket: 'assets' } })
    expect(done.body.location).toMatch(/^https:\/\/cdn\.example\.test\/users\/alice\/uploads\//)
    expect((await api.call(`/api/assets/${pathOf(key)}`)).body).toMatchObject({ size: bytes.length, contentType: type })
  })

  it('is cancelled through Uppy', async () => {
    const { body } = await api.call('/api/s3/multipart', { json: { filename: 'x', type: null, metadata: null } })
    const url = `/api/s3/multipart/${body.uploadId}?${new URLSearchParams({ key: body.key })}`
    for (const _time of [1, 2])
      expect(await api.call(url, { method: 'DELETE' })).toMatchObject({ status: 200, body: {} })
    expect((await api.call(url)).body.code).toBe('ERR_UPLOAD_NOT_FOUND')
  })
})

describeOnS3('Uppy’s single upload', () => {
  it('is a POST policy, published by confirm', async () => {
    const query = new URLSearchParams({ filename: 'small.txt', type: 'text/plain', 'metadata[x]': 'y' })
    const { body } = await api.call(`/api/s3/params?${query}`)
    expect(body).toMatchObject({ method: 'POST', expires: 600 })
    expect(body.fields.key).toMatch(/^p\/_incoming\/[\w-]{22}$/)
    expect((await deliver({ ...body, headers: {}, expiresAt: 0 }, Buffer.from('small'))).status).toBe(204)
    const done = await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {} })
    expect(done).toMatchObject({ status: 200, body: { key: body.key, size: 5, contentType: 'text/plain' } })
  })
})

describeOnS3('assets', () => {
  it('are listed in pages', async () => {
    for (const name of ['a', 'b', 'c']) {
      await upload(`users/lister/${name}`, Buffer.from(name), {}, asUser('lister'))
    }
    const first = await api.call('/api/assets?limit=2', { as: 'lister' })
    expect(first.body.assets.map((asset: { key: string }) => asset.key)).toEqual(['users/lister/a', 'users/lister/b'])
    const query = new URLSearchParams({ prefix: 'users/lister/', limit: '2', cursor: first.body.cursor })
    const second = await api.call(`/api/assets?${query}`, { as: 'lister' })
    expect(second.body).toMatchObject({ assets: [{ key: 'users/lister/c', size: 1 }] })
    expect(second.body.cursor).toBeUndefined()
    for (const prefix of ['users/', 'users/list', 'users/bob/', 'users']) {
      const foreign = await api.call(`/api/assets?${new URLSearchParams({ prefix })}`, { as: 'lister' })
      expect(foreign).toMatchObject({ status: 404, body: { code: 'ERR_ASSET_NOT_FOUND' } })
    }
  })

  it('are copied, moved and deleted, and invalidated at the CDN', async () => {
    const [from, to, moved] = [freshKey(), freshKey(), freshKey()]
    await upload(from, Buffer.from('content'))
    expect((await api.call('/api/assets/copy', { json: { from, to } })).body).toMatchObject({ key: to, size: 7 })
    expect((await api.call('/api/assets/copy', { json: { from, to } })).status).toBe(200)
    await upload(moved, Buffer.from('in the way'))
    expect((await api.call('/api/assets/copy', { json: { from, to: moved } })).body.code).toBe('ERR_ASSET_EXISTS')
    expect((await api.call(`/api/assets/${pathOf(moved)}`, { method: 'DELETE' })).status).toBe(200)
    api.invalidated.length = 0
    expect((await api.call('/api/assets/move', { json: { from, to: moved } })).status).toBe(200)
    expect((await api.call(`/api/assets/${pathOf(from)}`)).status).toBe(404)
    expect((await api.call(`/api/assets/${pathOf(to)}`, { method: 'DELETE' })).body).toEqual({ key: to, deleted: true })
    expect((await api.call(`/api/assets/${pathOf(to)}`, { method: 'DELETE' })).status).toBe(404)
    // The repeated deletion tells the CDN as well: the first one may have ended before that.
    expect(api.invalidated).toEqual([`/${pathOf(from)}`, `/${pathOf(to)}`, `/${pathOf(to)}`])
  })

  it('move within a full prefix, and not into another one; a copy needs room', async () => {
    const tight = make({ uploads: { quotaBytes: 150 } })
    const claims = { team: 'tight' }
    const call = (action: 'copy' | 'move', names: { from: string; to: string }) =>
      tight.call(`/api/assets/${action}`, { as: 'tight', claims, json: names })
    const [from, to] = ['users/tight/a', 'users/tight/b']
    for (const key of [from, 'teams/tight/a']) await upload(key, Buffer.alloc(100), {}, asUser('tight', claims, tight))
    expect(await call('move', { from, to })).toMatchObject({ status: 200, body: { key: to, size: 100 } })
    expect(await call('copy', { from: to, to: from })).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
    const crossing = await call('move', { from: to, to: 'teams/tight/more' })
    expect(crossing).toMatchObject({ status: 413, body: { code: 'ERR_QUOTA' } })
  })

  it('of other users cannot be changed, and look absent', async () => {
    const key = freshKey()
    await upload(key, Buffer.from('mine'))
    const mine = 'users/bob/copy'
    const attempts = [
      await api.call(`/api/assets/${pathOf(key)}`, { as: 'bob' }),
      await api.call(`/api/assets/${pathOf(key)}`, { as: 'bob', method: 'DELETE' }),
      await api.call('/api/assets/copy', { as: 'bob', json: { from: key, to: mine } }),
      await api.call('/api/assets/move', { as: 'bob', json: { from: key, to: mine } }),
      await api.call('/api/assets/copy', { as: 'bob', json: { from: mine, to: key, overwrite: true } }),
      await api.call('/api/uploads', { as: 'bob', json: { key, contentType: 'a/b', size: 1, overwrite: true } }),
      await api.call('/api/downloads', { as: 'bob', json: { key } }),
      await api.call('/api/downloads', { as: 'bob', json: { prefix: 'users/alice/' } }),
      await api.call('/api/downloads', { as: 'bob', json: { prefix: 'users/' } }),
    ]
    for (const attempt of attempts)
      expect(attempt).toMatchObject({ status: 404, body: { code: 'ERR_ASSET_NOT_FOUND' } })
    expect((await api.call(`/api/assets/${pathOf(key)}`)).body.size).toBe(4)
  })

  it('below public/ are read by all and written with the scope', async () => {
    const key = `public/logo ${++count}.png`
    const json = { key, contentType: 'image/png', size: 1, visibility: 'public' }
    expect(await api.call('/api/uploads', { json })).toMatchObject({ status: 401, body: { code: 'ERR_SCOPE' } })
    const claims = { scope: 'openid assets:public' }
    const { body } = await api.call('/api/uploads', { json, claims })
    await deliver(body, Buffer.from('x'))
    expect((await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {} })).status).toBe(404)
    expect((await api.call(`/api/uploads/${body.uploadId}/confirm`, { json: {}, claims })).status).toBe(200)
    const url = (await api.call('/api/downloads', { json: { key } })).body
    expect(url).toEqual({
      key,
      url: `https://cdn.example.test/${pathOf(key)}`,
      isPermanent: true,
      expiresAt: null,
      checkedBy: 'nobody',
    })
  })
})

describeOnS3('downloads', () => {
  it('are presigned by S3 where the stage says so, and the server serves them under the wanted name', async () => {
    const s3 = make({ downloads: { urls: 'presigned' } })
    const key = freshKey()
    await upload(key, Buffer.from('hello'))
    const { body } = await s3.call('/api/downloads', { json: { key, filename: 'Bericht "1" – ü.txt' } })
    expect(body).toMatchObject({ checkedBy: 's3', isPermanent: false })
    const answer = await fetch(body.url)
    expect(await answer.text()).toBe('hello')
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="Bericht _1_ _ _.txt"; filename*=UTF-8''Bericht%20%221%22%20%E2%80%93%20%C3%BC.txt`,
    )
    expect((await fetch(body.url.replace('hello', 'x').replace('file', 'fi1e'))).status).toBe(403)
    expect((await s3.call('/api/downloads', { json: { prefix: 'users/alice/' } })).status).toBe(501)
  })

  it('fall back to S3 only where the stage chose so, with a warning and a metric', async () => {
    const key = freshKey()
    await upload(key, Buffer.from('hello'))
    for (const fallbackToS3 of [false, true]) {
      const broken = make({ downloads: { fallbackToS3 } })
      // A document whose only key is not usable yet.
      const document = JSON.parse(broken.documents.keys ?? '')
      document.keys[0].notBefore = 2 ** 40
      broken.documents.keys = JSON.stringify(document)
      const answer = await broken.call('/api/downloads', { json: { files: [{ key }, { key }] } })
      if (!fallbackToS3) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'ERR_KEYS_INVALID' } })
        continue
      }
      expect(answer.body.files.map((file: { checkedBy: string }) => file.checkedBy)).toEqual(['s3', 's3'])
      expect(await (await fetch(answer.body.files[0].url)).text()).toBe('hello')
      expect(broken.logged[0]).toMatchObject({ level: 'warn', code: 'ERR_KEYS_INVALID', DownloadFallback: 2 })
    }
  })
})

/** The same API, acting as somebody else. */
function asUser(user: string, claims = {}, to = api): TestApi {
  return { ...to, call: (path, options) => to.call(path, { as: user, claims, ...options }) }
}
