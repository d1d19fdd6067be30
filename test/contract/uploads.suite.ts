/** The contract of `AssetStore` for one-request uploads; part of the suite in `asset-store.suite.ts`. */
import { beforeAll, describe, expect, it } from 'vitest'
import type { AssetStore } from '../../shared/assets/asset-store.ts'
import { keyPath, type ObjectKey, parseObjectKey } from '../../shared/assets/object-key.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { confirmUpload, type PublishDependencies, publishIncoming } from '../../shared/uploads/publish.ts'
import { codeOf, now, type StoreUnderTest, uploadOf, watchSteps } from './store-under-test.ts'

/** Fixtures that the tests of one store share. */
export interface StoreSuite {
  readonly under: StoreUnderTest
  readonly store: AssetStore
  readonly options: PublishDependencies
  /** Invalidated paths. */
  readonly invalidated: string[]
  /** A key in a folder that no other test uses. */
  fresh(rest?: string): ObjectKey
}

const bytes = (text: string) => Buffer.from(text, 'utf8')

/** Runs this part; `open` is asked when the store is there. */
export function describeUploads(open: () => StoreSuite, racing: boolean): void {
  let under: StoreUnderTest
  let store: AssetStore
  let options: PublishDependencies
  let invalidated: string[]
  let fresh: StoreSuite['fresh']
  beforeAll(() => {
    ;({ under, store, options, invalidated, fresh } = open())
  })
  const save = (key: ObjectKey, text: string) => store.save(key, bytes(text), 'text/plain', { overwrite: false })

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

    it('is published once, for any number of concurrent confirms and events', async () => {
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

    it('ends with its publication, even if its bytes could not be dropped and fill the quota', async () => {
      const body = bytes('redelivered')
      const upload = uploadOf(fresh(), body)
      await send(upload, body)
      const full = { ...options, quotaBytes: body.length }
      const lame = { ...store, end: () => Promise.reject(new Error('the function ended')) }
      await expect(publishIncoming(upload.id, { ...full, store: lame })).rejects.toThrow('the function ended')
      expect(await publishIncoming(upload.id, full)).toMatchObject({ key: upload.key, uploadId: upload.id })
      expect(await store.incoming(upload.id)).toBeUndefined()
    })

    it.each(['delete', 'move', 'save', 'copy', 'another upload'] as const)(
      'is not brought back over a later change (%s), where a crash kept it from ending',
      async (change) => {
        const body = bytes('crashed')
        const upload = uploadOf(fresh(), body, { overwrite: true })
        await send(upload, body)
        const lame = { ...store, end: () => Promise.reject(new Error('the function ended')) }
        await expect(publishIncoming(upload.id, { ...options, store: lame })).rejects.toThrow('the function ended')
        const other = fresh('other')
        if (change === 'delete') await store.delete(upload.key)
        if (change === 'move') await store.move(upload.key, other, { overwrite: false })
        if (change === 'save') await store.save(upload.key, bytes('new'), 'text/plain', { overwrite: true })
        if (change === 'copy') {
          await save(other, 'new')
          await store.copy(other, upload.key, { overwrite: true })
        }
        if (change === 'another upload') {
          const next = uploadOf(upload.key, bytes('new'), { overwrite: true })
          await send(next, bytes('new'))
          await confirmUpload(next, now(), options)
        }
        const after = await store.describe(upload.key)
        expect(await publishIncoming(upload.id, options)).toBeUndefined()
        expect(await codeOf(confirmUpload(upload, now(), options))).toBe('ERR_UPLOAD_USED')
        expect(await store.describe(upload.key)).toEqual(after)
        expect(after?.size).toBe(change === 'delete' || change === 'move' ? undefined : 3)
        expect(await store.incoming(upload.id)).toBeUndefined()
      },
    )

    it('is found by a confirm that the publisher overtakes at any step', async () => {
      for (const overwrite of [false, true]) {
        for (let position = 0, isInside = true; isInside; position++) {
          const body = bytes('overtaken')
          const upload = uploadOf(fresh(), body, { overwrite })
          await send(upload, body)
          let steps = 0
          isInside = false
          const overtaken = watchSteps(store, async () => {
            if (steps++ !== position) return
            isInside = true
            await publishIncoming(upload.id, options)
          })
          const confirmed = await confirmUpload(upload, now(), { ...options, store: overtaken })
          expect(confirmed, `at step ${position}`).toMatchObject({ key: upload.key, uploadId: upload.id, size: 9 })
        }
      }
    })

    it('is dropped by arrival and by confirm if its owner’s access was revoked since', async () => {
      const revoking = { ...options, isRevoked: async () => true }
      for (const publish of [
        (upload: Upload) => publishIncoming(upload.id, revoking),
        (upload: Upload) => confirmUpload(upload, now(), revoking),
      ]) {
        const upload = uploadOf(fresh(), bytes('x'))
        await send(upload, bytes('x'))
        expect(await codeOf(publish(upload))).toBe('ERR_UPLOAD_REVOKED')
        expect(await store.incoming(upload.id)).toBeUndefined()
        expect(await publishIncoming(upload.id, options)).toBeUndefined()
        expect(await store.describe(upload.key)).toBeUndefined()
      }
    })

    it('stays published if access is revoked afterwards', async () => {
      const upload = uploadOf(fresh(), bytes('x'))
      await send(upload, bytes('x'))
      const asset = await publishIncoming(upload.id, options)
      const revoking = { ...options, isRevoked: async () => true }
      expect(await confirmUpload(upload, now(), revoking)).toEqual(asset)
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

    it('does not replace an existing file, keeps the bytes, and publishes once the key is free', async () => {
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

    it('replaces if asked to, and invalidates at the CDN', async () => {
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
      await store.end(upload.id, 'dropped')
      expect(await store.incoming(upload.id)).toBeUndefined()
      expect(await store.hasEnded(upload.id)).toBe(true)
      await store.end(upload.id, 'dropped')
    })
  })
}
