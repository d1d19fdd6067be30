/**
 * The contract of `AssetStore`, as one suite. The S3 store and the store of files behind nginx must both pass it, so that a
 * client cannot tell them apart.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AssetStore } from '../../shared/assets/asset-store.ts'
import { type ObjectKey, parseKeyPrefix, parseObjectKey } from '../../shared/assets/object-key.ts'
import { codeOf, now, type StoreUnderTest } from './store-under-test.ts'
import { describeUploads } from './uploads.suite.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')

/**
 * Runs the suite.
 *
 * @param racing whether the server under test decides between two conditional writes at the same instant.
 */
export function describeAssetStore(name: string, makeStore: () => Promise<StoreUnderTest>, racing = true): void {
  describe(`AssetStore: ${name}`, () => {
    let under: StoreUnderTest
    let store: AssetStore
    const invalidated: string[] = []
    const cdn = { invalidate: async (paths: readonly string[]) => void invalidated.push(...paths) }
    let folder = 0
    /** A key in a folder that no other test uses. */
    const fresh = (rest = 'file.txt') => parseObjectKey(`users/t${++folder}/${rest}`)
    const save = (key: ObjectKey, text: string) => store.save(key, bytes(text), 'text/plain', { overwrite: false })

    beforeAll(async () => {
      under = await makeStore()
      store = under.store
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
        const other = fresh('other')
        await save(other, 'another')
        expect(await codeOf(store.copy(other, to, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        await store.copy(other, to, { overwrite: true })
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

      it('a repeated copy or move succeeds only for the target that it made', async () => {
        const [a, b, c] = [fresh('a'), fresh('b'), fresh('c')]
        await save(a, 'content')
        for (const overwrite of [false, true]) {
          const copied = await store.copy(a, b, { overwrite: false })
          expect(await store.copy(a, b, { overwrite })).toEqual(copied)
        }
        const moved = await store.move(a, c, { overwrite: false })
        for (const overwrite of [false, true]) expect(await store.move(a, c, { overwrite })).toEqual(moved)
        expect(await store.describe(a)).toBeUndefined()
        // `b` was copied, not moved; nothing was ever moved from `b` to `c`; what is at `a` now is another file.
        expect(await codeOf(store.move(a, b, { overwrite: true }))).toBe('ERR_ASSET_NOT_FOUND')
        expect(await codeOf(store.copy(a, b, { overwrite: true }))).toBe('ERR_ASSET_NOT_FOUND')
        expect(await codeOf(store.move(b, c, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        await save(a, 'something else')
        expect(await codeOf(store.copy(a, b, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        expect(await codeOf(store.move(a, c, { overwrite: false }))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(c))?.size).toBe(7)
      })

      it('never loses a file that is moved onto itself', async () => {
        const key = fresh()
        await save(key, 'still here')
        expect(await codeOf(store.move(key, key, { overwrite: true }))).toBe('ERR_ASSET_EXISTS')
        expect((await store.describe(key))?.size).toBe(10)
      })
    })

    describeUploads(() => {
      const options = { store, cdn, quotaBytes: null, isRevoked: async () => false }
      return { under, store, options, invalidated, fresh }
    }, racing)
  })
}
