/** Multipart uploads on a real server, through the same steps as the API. */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { UploadPartCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AssetStore, MultipartStore } from '../../../shared/assets/asset-store.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { AssetError } from '../../../shared/errors.ts'
import { type CompleteDependencies, completeUpload } from '../../../shared/uploads/multipart.ts'
import { codeOf, uploadOf } from '../../contract/store-under-test.ts'
import { deliver } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'

const now = () => Math.floor(Date.now() / 1000)
const MiB = 1024 ** 2
const body = randomBytes(18 * MiB)
const slices = [body.subarray(0, 8 * MiB), body.subarray(8 * MiB, 16 * MiB), body.subarray(16 * MiB)]
const small = Buffer.from('small')
let server: S3Server
let store: AssetStore
let multipart: MultipartStore
let options: CompleteDependencies
const invalidated: string[] = []
let count = 0

beforeAll(async () => {
  server = await startS3Server()
  const { client, bucket } = server
  store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  if (store.multipart === undefined) throw new Error('S3 has multipart uploads')
  multipart = store.multipart
  const cdn = { invalidate: async (paths: readonly string[]) => void invalidated.push(...paths) }
  options = { store, cdn, quotaBytes: null, isRevoked: async () => false, wait }
})
afterAll(() => server?.stop())

async function begin(changes: Partial<Upload> = {}): Promise<Upload> {
  const declared = { protocol: 'multipart', checksum: undefined, ...changes } as const
  const upload = uploadOf(`users/alice/big-${++count}.bin`, body, declared)
  return { ...upload, storeId: await multipart.begin(upload) }
}

async function send(upload: Upload, number: number, bytes: Uint8Array) {
  const { urls, expiresAt } = await multipart.signParts(upload, [number], now())
  return deliver({ method: 'PUT', url: urls[0] ?? '', headers: {}, expiresAt }, bytes)
}

async function sendAll(upload: Upload) {
  for (const number of [3, 1, 2]) expect((await send(upload, number, slices[number - 1] ?? body)).status).toBe(200)
  const parts = (await multipart.listParts(upload)) ?? []
  return parts.map(({ partNumber, etag }) => ({ partNumber, etag }))
}

describeOnS3('a multipart upload', () => {
  it('is invisible, then complete, for any order of its parts', async () => {
    const upload = await begin({ contentType: 'image/png' })
    const parts = await sendAll(upload)
    expect(parts.map((part) => part.partNumber)).toEqual([1, 2, 3])
    expect(await store.describe(upload.key)).toBeUndefined()
    const bare = parts.map((part) => ({ ...part, etag: part.etag.replaceAll('"', '') })).reverse()
    const asset = await completeUpload(upload, bare, now(), options)
    expect(asset).toMatchObject({ key: upload.key, size: body.length, contentType: 'image/png', uploadId: upload.id })
  })

  it('is completed once, and repeats its answer', async () => {
    const upload = await begin()
    const parts = await sendAll(upload)
    const first = await completeUpload(upload, parts, now(), options)
    const again = await completeUpload(upload, parts, now(), options)
    const late = await completeUpload(upload, undefined, upload.expiresAt + 1, options)
    expect(again).toEqual(first)
    expect(late).toEqual(first)
  })

  it.each([
    ['', null],
    [', although there is room for it once', body.length],
  ])('is completed once by several at the same time, and all of them hear of it%s', async (_room, quotaBytes) => {
    for (const user of ['a', 'b', 'c', 'd', 'e']) {
      const upload = await begin({ key: uploadOf(`users/racing-${user}-${quotaBytes}/big.bin`, body).key })
      const parts = await sendAll(upload)
      const complete = () => completeUpload(upload, parts, now(), { ...options, quotaBytes })
      const assets = await Promise.all([complete(), complete(), complete(), complete()])
      expect(assets[0]).toMatchObject({ key: upload.key, size: body.length, uploadId: upload.id })
      expect(new Set(assets.map((asset) => asset.etag)).size).toBe(1)
    }
  })

  it('that another call has taken, but that is not to be seen yet, is waited for', async () => {
    const upload = await begin()
    const parts = await sendAll(upload)
    const taken = { ...multipart, complete: () => Promise.reject(new AssetError('ERR_UPLOAD_NOT_FOUND')) }
    const pauses: number[] = []
    const until = async (pause: number) => {
      pauses.push(pause)
      if (pauses.length === 2) await completeUpload(upload, parts, now(), options)
    }
    const asset = await completeUpload(upload, parts, now(), {
      ...options,
      store: { ...store, multipart: taken },
      wait: until,
    })
    expect(asset.uploadId).toBe(upload.id)
    expect(pauses).toHaveLength(2)
  })

  it('that replaced a file is invalidated again when it is completed again', async () => {
    const upload = await begin({ overwrite: true })
    await sendAll(upload)
    const interrupted = { ...options, cdn: { invalidate: () => Promise.reject(new Error('the function ended')) } }
    await expect(completeUpload(upload, undefined, now(), interrupted)).rejects.toThrow('the function ended')
    invalidated.length = 0
    await completeUpload(upload, undefined, now(), options)
    expect(invalidated).toEqual([`/${upload.key}`])
  })

  it('with a declared CRC64NVME is completed only where it is the right one', async () => {
    const wrong = await begin({ checksum: { algorithm: 'CRC64NVME', value: 'AAAAAAAAAAA=' } })
    await sendAll(wrong)
    expect(await codeOf(completeUpload(wrong, undefined, now(), options))).toBe('ERR_UPLOAD_MISMATCH')
    expect(await store.describe(wrong.key)).toBeUndefined()
  })

  it('refuses holes, strangers, changed and doubled parts', async () => {
    const upload = await begin()
    await send(upload, 1, slices[0] ?? body)
    await send(upload, 3, slices[2] ?? body)
    const stored = (await multipart.listParts(upload)) ?? []
    const complete = (parts: typeof stored | undefined) => codeOf(completeUpload(upload, parts, now(), options))
    const [first, third] = stored
    if (first === undefined || third === undefined) throw new Error('two parts were sent')
    expect(await complete([first, third])).toBe('ERR_UPLOAD_PARTS')
    expect(await complete([first])).toBe('ERR_UPLOAD_INCOMPLETE')
    expect(await complete([])).toBe('ERR_UPLOAD_INCOMPLETE')
    expect(await complete(undefined)).toBe('ERR_UPLOAD_INCOMPLETE')
    for (const partNumber of [0, -1, 1.5, 10_001, Number.NaN]) {
      expect(await complete([{ ...first, partNumber }])).toBe('ERR_UPLOAD_PARTS')
    }
    expect(await complete([first, first])).toBe('ERR_UPLOAD_PARTS')
    await send(upload, 2, slices[1] ?? body)
    const all = (await multipart.listParts(upload)) ?? []
    expect(await complete(all.map((part) => ({ ...part, etag: first.etag })))).toBe('ERR_UPLOAD_MISMATCH')
    expect(await complete(all)).toBe('resolved')
  })

  it('binds the length of each part, and the server refuses another', async () => {
    const upload = await begin()
    // Short bodies: a server that refuses before it has read a long one resets the connection.
    expect((await send(upload, 3, small)).text).toContain('SignatureDoesNotMatch')
    expect((await send(upload, 1, small)).text).toContain('SignatureDoesNotMatch')
    expect(await codeOf(multipart.signParts(upload, [4], now()))).toBe('ERR_UPLOAD_PARTS')
    expect(await codeOf(multipart.signParts(upload, [0], now()))).toBe('ERR_UPLOAD_PARTS')
  })

  it('refuses a part URL for another part, another upload and another key', async () => {
    const upload = await begin({ size: undefined })
    const { urls, expiresAt } = await multipart.signParts(upload, [1], now())
    const url = urls[0] ?? ''
    for (const changed of [
      url.replace('partNumber=1', 'partNumber=2'),
      url.replace(/uploadId=[^&]+/, 'uploadId=other'),
      url.replace('/users/alice/', '/users/bob/'),
    ]) {
      expect(changed).not.toBe(url)
      expect((await deliver({ method: 'PUT', url: changed, headers: {}, expiresAt }, small)).status).toBe(403)
    }
  })

  it('is not published if its parts were sent elsewhere with other lengths', async () => {
    const upload = await begin()
    const target = { Bucket: server.bucket, Key: upload.key, UploadId: upload.storeId }
    // As many bytes in all, cut elsewhere; then parts that are right, but one too few.
    const cuts = [body.subarray(0, 7 * MiB), body.subarray(7 * MiB, 16 * MiB), body.subarray(16 * MiB)]
    for (const [index, Body] of cuts.entries()) {
      await server.client.send(new UploadPartCommand({ ...target, PartNumber: index + 1, Body }))
    }
    expect(await codeOf(completeUpload(upload, undefined, now(), options))).toBe('ERR_UPLOAD_MISMATCH')
    const short = await begin()
    await send(short, 1, slices[0] ?? body)
    await send(short, 2, slices[1] ?? body)
    expect(await codeOf(completeUpload(short, undefined, now(), options))).toBe('ERR_UPLOAD_INCOMPLETE')
    for (const { key } of [upload, short]) expect(await store.describe(key)).toBeUndefined()
  })

  it('with an undeclared size is held to what was allowed', async () => {
    const upload = await begin({ size: undefined, maxBytes: 10 * MiB })
    await send(upload, 1, slices[0] ?? body)
    await send(upload, 2, slices[1] ?? body)
    expect(await codeOf(completeUpload(upload, undefined, now(), options))).toBe('ERR_TOO_LARGE')
    expect(await store.describe(upload.key)).toBeUndefined()
  })

  it('does not replace a newer file at its key, unless it may overwrite', async () => {
    const refused = await begin()
    await sendAll(refused)
    await store.save(refused.key, Buffer.from('was faster'), 'text/plain', { overwrite: false })
    expect(await codeOf(completeUpload(refused, undefined, now(), options))).toBe('ERR_ASSET_EXISTS')
    expect((await store.describe(refused.key))?.size).toBe(10)
    const allowed = await begin({ key: refused.key, overwrite: true })
    await sendAll(allowed)
    invalidated.length = 0
    expect(await codeOf(completeUpload(allowed, undefined, now(), options))).toBe('resolved')
    expect(invalidated).toEqual([`/${allowed.key}`])
  })

  it('publishes nothing beyond the quota', async () => {
    const upload = await begin({ key: uploadOf('users/poor/a.bin', body).key })
    await sendAll(upload)
    const tight = { ...options, quotaBytes: body.length - 1 }
    expect(await codeOf(completeUpload(upload, undefined, now(), tight))).toBe('ERR_QUOTA')
    expect(await codeOf(completeUpload(upload, undefined, now(), options))).toBe('resolved')
  })

  it('lists more parts than fit one page', async () => {
    const upload = await begin({ size: undefined })
    const target = { Bucket: server.bucket, Key: upload.key, UploadId: upload.storeId, Body: small }
    for (let first = 1; first <= 1001; first += 100) {
      const numbers = Array.from({ length: Math.min(100, 1002 - first) }, (_, index) => first + index)
      await Promise.all(numbers.map((n) => server.client.send(new UploadPartCommand({ ...target, PartNumber: n }))))
    }
    const parts = (await multipart.listParts(upload)) ?? []
    expect(parts.map((part) => part.partNumber)).toEqual(Array.from({ length: 1001 }, (_, index) => index + 1))
    // Parts below 5 MiB: the server refuses to make an object of them, and that is the client's fault.
    expect(await codeOf(completeUpload(upload, undefined, now(), options))).toBe('ERR_UPLOAD_PARTS')
  })

  it('is gone after an abort, which succeeds twice', async () => {
    const upload = await begin()
    await send(upload, 1, slices[0] ?? body)
    await multipart.abort(upload)
    await multipart.abort(upload)
    expect(await multipart.listParts(upload)).toBeUndefined()
    const complete = completeUpload(upload, undefined, now(), { ...options, wait: async () => {} })
    expect(await codeOf(complete)).toBe('ERR_UPLOAD_NOT_FOUND')
    expect(await codeOf(completeUpload(upload, undefined, upload.expiresAt, options))).toBe('ERR_UPLOAD_EXPIRED')
  })
})
