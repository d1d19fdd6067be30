/**
 * What every `AssetStore` promises, as one suite: the S3 store and the store of files behind nginx must both pass it, so a
 * client cannot tell which one it talks to.
 */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AssetStore, CdnInvalidation, UploadRequest } from '../../shared/assets/asset-store.ts'
import { keyPath, type ObjectKey, parseKeyPrefix, parseObjectKey } from '../../shared/assets/object-key.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { confirmUpload, type PublishOptions, publishIncoming } from '../../shared/uploads/publish.ts'
import type { Upload } from '../../shared/uploads/upload.ts'
import { ownerOf } from '../../shared/uploads/upload-token.ts'

/** A store under test, empty. */
export interface StoreUnderTest {
  readonly store: AssetStore
  /** Sends bytes as a client would; the status of the last answer. */
  deliver(request: UploadRequest, body: Uint8Array): Promise<number>
  stop(): Promise<void>
}

const bytes = (text: string) => Buffer.from(text, 'utf8')
const now = () => Math.floor(Date.now() / 1000)

/** An upload as the API would have allowed it. */
export function uploadOf(key: string, body: Uint8Array, changes: Partial<Upload> = {}): Upload {
  return {
    id: randomBytes(16).toString('base64url'),
    protocol: 'put',
    owner: ownerOf('alice'),
    key: parseObjectKey(key),
    size: body.length,
    contentType: 'text/plain',
    checksum: { algorithm: 'SHA256', value: createHash('sha256').update(body).digest('base64') },
    overwrite: false,
    issuedAt: now(),
    expiresAt: now() + 600,
    mostBytes: 100 * 1024 ** 2,
    depth: 2,
    storeId: undefined,
    ...changes,
  }
}

/** The code of what a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  return promise.then(
    () => 'resolved' as const,
    (error: { code?: ErrorCode }) => {
      if (error.code === undefined) throw error
      return error.code
    },
  )
}

/**
 * Runs the suite.
 *
 * @param racing whether the server under test decides between two conditional writes at the same instant.
 */
export function describeAssetStore(name: string, makeStore: () => Promise<StoreUnderTest>, racing = true): void {
  describe(`AssetStore: ${name}`, () => {
    let under: StoreUnderTest
    let store: AssetStore
    let invalidated: string[]
    let cdn: CdnInvalidation
    let options: PublishOptions
    let folder = 0
    /** A key in a folder that no other test uses. */
    const fresh = (rest = 'file.txt') => parseObjectKey(`users/t${++folder}/${rest}`)
    const save = (key: ObjectKey, text: string) => store.save(key, bytes(text), 'text/plain', { overwrite: false })

    beforeAll(async () => {
      under = await makeStore()
      store = under.store
      invalidated = []
      cdn = {
        async invalidate(paths) {
          invalidated.push(...paths)
        },
      }
      options = { store, cdn, quotaBytes: null }
    })
    afterAll(() => under?.stop())

    it('answers that it is ready', async () => {
      await expect(store.ready()).resolves.toBeUndefined()
    })

    describe('assets', () => {
      it('describes what was saved, and nothing where nothing is', async () => {
        const key = fresh('naïve file (1).txt')
        expect(await store.describe(key)).toBeUndefined()
        const before = now()
        const saved = await store.save(key, bytes('hello'), 'text/plain; charset=utf-8', { overwrite: false })
        const found = await store.describe(key)
        expect(found).toEqual(saved)
        expect(found).toMatchObject({ key, size: 5, contentType: 'text/plain; charset=utf-8' })
        expect(found?.etag).toMatch(/^"[^"]+"$/)
        expect(found?.lastModified).toBeGreaterThanOrEqual(before - 2)
      })

      it('overwrites only when it may', async () => {
        const key = fresh()
        await save(key, 'one')
        expect(await codeOf(save(key, 'two'))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(key))?.size).toBe(3)
        await store.save(key, bytes('three'), 'text/plain', { overwrite: true })
        expect((await store.describe(key))?.size).toBe(5)
      })

      it('deletes, and says whether there was anything', async () => {
        const key = fresh()
        await save(key, 'x')
        expect(await store.delete(key)).toBe(true)
        expect(await store.describe(key)).toBeUndefined()
        expect(await store.delete(key)).toBe(false)
      })

      it('lists in pages, each asset once, in the order of bytes, below the prefix only', async () => {
        const first = fresh('a')
        const base = first.slice(0, -1)
        const names = ['a', 'b/c', 'b/d', 'e é', 'Z', 'é'].map((n) => parseObjectKey(base + n))
        for (const key of names) await save(key, key)
        await save(parseObjectKey(`${base.slice(0, -1)}2/other`), 'not listed')
        const listed: string[] = []
        let cursor: string | undefined
        let pages = 0
        do {
          const page = await store.list(parseKeyPrefix(base), 2, cursor)
          expect(page.assets.length).toBeLessThanOrEqual(2)
          listed.push(...page.assets.map((asset) => asset.key))
          cursor = page.cursor
          pages++
        } while (cursor !== undefined)
        expect(pages).toBe(3)
        expect(listed).toEqual([...names].sort((a, b) => Buffer.compare(bytes(a), bytes(b))))
        expect(await store.usage(parseKeyPrefix(base))).toBe(names.reduce((sum, n) => sum + bytes(n).length, 0))
      })

      it('lists nothing for a prefix without assets, and refuses a cursor that it did not make', async () => {
        const prefix = parseKeyPrefix('users/nobody-here/')
        expect(await store.list(prefix, 10)).toEqual({ assets: [], cursor: undefined })
        expect(await store.usage(prefix)).toBe(0)
        const foreign = Buffer.from('users/somebody/else').toString('base64url')
        for (const cursor of ['!', '', foreign]) expect(await codeOf(store.list(prefix, 10, cursor))).toBe('ERR_CURSOR')
      })

      it('copies with type, keeps the source, and overwrites only when it may', async () => {
        const from = fresh('source')
        const to = fresh('target')
        await store.save(from, bytes('copy me'), 'image/png', { overwrite: false })
        const copied = await store.copy(from, to, { overwrite: false })
        expect(copied).toMatchObject({ key: to, size: 7, contentType: 'image/png' })
        expect((await store.describe(from))?.size).toBe(7)
        expect(await codeOf(store.copy(from, to, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        await store.copy(from, to, { overwrite: true })
        expect(await codeOf(store.copy(fresh('absent'), to, { overwrite: true }))).toBe('ERR_ASSET_NOT_FOUND')
        expect((await store.describe(to))?.size).toBe(7)
      })

      it('copies an empty file', async () => {
        const from = fresh('empty')
        await save(from, '')
        expect((await store.copy(from, fresh('copy'), { overwrite: false })).size).toBe(0)
      })

      it('moves, and leaves both where they are when it may not', async () => {
        const from = fresh('source')
        const to = fresh('target')
        await save(from, 'moved')
        await save(to, 'in the way')
        expect(await codeOf(store.move(from, to, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(from))?.size).toBe(5)
        await store.move(from, to, { overwrite: true })
        expect(await store.describe(from)).toBeUndefined()
        expect((await store.describe(to))?.size).toBe(5)
      })

      it('never loses a file that is moved onto itself', async () => {
        const key = fresh()
        await save(key, 'still here')
        expect(await codeOf(store.move(key, key, { overwrite: true }))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(key))?.size).toBe(10)
      })
    })

    describe('one-request uploads', () => {
      const send = async (upload: Upload, body: Uint8Array) => under.deliver(await store.receive(upload, now()), body)

      it('shows nothing at the key before it is published, then exactly what was sent', async () => {
        const body = bytes('some bytes')
        const upload = uploadOf(fresh(), body, { contentType: 'image/png' })
        expect(await send(upload, body)).toBeLessThan(300)
        expect(await store.describe(upload.key)).toBeUndefined()
        const arrived = { size: 10, contentType: 'image/png', checksum: upload.checksum }
        expect(await store.incoming(upload.id)).toMatchObject(arrived)
        const asset = await publishIncoming(upload.id, options)
        expect(asset).toMatchObject({ key: upload.key, size: 10, contentType: 'image/png', uploadId: upload.id })
        expect(await store.describe(upload.key)).toEqual(asset)
        expect(await store.incoming(upload.id)).toBeUndefined()
      })

      it('publishes an empty file', async () => {
        const upload = uploadOf(fresh(), bytes(''))
        expect(await send(upload, bytes(''))).toBeLessThan(300)
        expect((await publishIncoming(upload.id, options))?.size).toBe(0)
      })

      it('returns what was declared exactly as it was declared', async () => {
        const upload = uploadOf(fresh('Zoë "q" %41 +&= 日本.txt'), bytes('x'), {
          contentType: 'text/plain; charset="a b"',
        })
        await send(upload, bytes('x'))
        expect((await store.incoming(upload.id))?.declared).toEqual(upload)
      })

      it('is published once, however often and by whomever it is asked', async () => {
        const body = bytes('raced')
        const upload = uploadOf(fresh(), body)
        await send(upload, body)
        const results = await Promise.all([
          confirmUpload(upload, now(), options),
          publishIncoming(upload.id, options),
          confirmUpload(upload, now(), options),
        ])
        const etags = results.map((asset) => asset?.etag)
        expect(new Set(etags).size).toBe(1)
        expect((await confirmUpload(upload, now(), options)).uploadId).toBe(upload.id)
        expect(await publishIncoming(upload.id, options)).toBeUndefined()
      })

      it('is done when it is published, also where it could not be dropped then and fills the quota', async () => {
        const body = bytes('redelivered')
        const upload = uploadOf(fresh(), body)
        await send(upload, body)
        const full = { ...options, quotaBytes: body.length }
        const lame = { ...store, discard: () => Promise.reject(new Error('the function ended')) }
        await expect(publishIncoming(upload.id, { ...full, store: lame })).rejects.toThrow('the function ended')
        expect(await publishIncoming(upload.id, full)).toMatchObject({ key: upload.key, uploadId: upload.id })
        expect(await store.incoming(upload.id)).toBeUndefined()
      })

      it('confirms what is published already even after its end', async () => {
        const body = bytes('late')
        const upload = uploadOf(fresh(), body)
        await send(upload, body)
        await confirmUpload(upload, now(), options)
        expect((await confirmUpload(upload, upload.expiresAt + 1, options)).size).toBe(4)
      })

      it('says that nothing has arrived, and that it is too late', async () => {
        const upload = uploadOf(fresh(), bytes('never sent'))
        expect(await codeOf(confirmUpload(upload, now(), options))).toBe('ERR_UPLOAD_INCOMPLETE')
        expect(await codeOf(confirmUpload(upload, upload.expiresAt, options))).toBe('ERR_UPLOAD_EXPIRED')
      })

      it('does not replace what is there, keeps what arrived, and publishes when the way is free', async () => {
        const key = fresh()
        await save(key, 'first')
        const body = bytes('second!')
        const upload = uploadOf(key, body)
        await send(upload, body)
        expect(await codeOf(confirmUpload(upload, now(), options))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(key))?.size).toBe(5)
        await store.delete(key)
        expect((await confirmUpload(upload, now(), options)).size).toBe(7)
      })

      it('replaces where that was asked for, and tells the CDN', async () => {
        const key = fresh('with space')
        await save(key, 'first')
        const body = bytes('second!')
        const upload = uploadOf(key, body, { overwrite: true })
        await send(upload, body)
        invalidated.length = 0
        await confirmUpload(upload, now(), options)
        expect((await store.describe(key))?.size).toBe(7)
        expect(invalidated).toEqual([keyPath(key)])
      })

      // Skipped, by name, where a test server has no atomic conditional write for the way that this store copies.
      it.skipIf(!racing)('of two uploads to one key publishes one', async () => {
        const key = fresh()
        const uploads = [uploadOf(key, bytes('aaaa')), uploadOf(key, bytes('bbbb'))]
        await send(uploads[0] as Upload, bytes('aaaa'))
        await send(uploads[1] as Upload, bytes('bbbb'))
        const codes = await Promise.all(uploads.map((upload) => codeOf(confirmUpload(upload, now(), options))))
        expect(codes.sort()).toEqual(['ERR_ASSET_EXISTS', 'resolved'])
        const asset = await store.describe(key)
        expect(uploads.map((upload) => upload.id)).toContain(asset?.uploadId)
      })

      it('publishes nothing that does not fit the quota, and keeps it', async () => {
        const key = fresh('big')
        await save(parseObjectKey(key.replace('big', 'old')), 'x'.repeat(90))
        const body = Buffer.alloc(20, 1)
        const upload = uploadOf(key, body)
        await send(upload, body)
        expect(await codeOf(confirmUpload(upload, now(), { ...options, quotaBytes: 100 }))).toBe('ERR_QUOTA')
        expect(await store.describe(key)).toBeUndefined()
        expect((await confirmUpload(upload, now(), { ...options, quotaBytes: 110 })).size).toBe(20)
      })

      it('refuses other bytes than were declared', async () => {
        const upload = uploadOf(fresh(), bytes('right'))
        const other = uploadOf(fresh(), bytes('right'))
        expect(await send(upload, bytes('wrong'))).toBeGreaterThanOrEqual(400)
        expect(await send(other, bytes('longer than declared'))).toBeGreaterThanOrEqual(400)
        for (const refused of [upload, other]) {
          expect(await codeOf(confirmUpload(refused, now(), options))).toBe('ERR_UPLOAD_INCOMPLETE')
          expect(await store.describe(refused.key)).toBeUndefined()
        }
      })

      it('drops what was not published', async () => {
        const upload = uploadOf(fresh(), bytes('x'))
        await send(upload, bytes('x'))
        await store.discard(upload.id)
        expect(await store.incoming(upload.id)).toBeUndefined()
        await store.discard(upload.id)
      })
    })
  })
}
