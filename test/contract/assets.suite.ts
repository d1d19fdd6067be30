/** The contract of `openAssets`, as one suite: the library answers alike on S3 and on files behind nginx and tusd. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Assets, AssetUpload, AssetUrl } from '../../package/server.ts'

/** The library over a running backend, empty. */
export interface AssetsUnderTest {
  readonly assets: Assets
  /** Sends bytes as a client would; the status of the last answer. */
  deliver(upload: AssetUpload, body: Uint8Array): Promise<number>
  /** Names of what unfinished writes have left. */
  leftovers(): Promise<readonly string[]>
  /** Whether a URL of the CDN can be read here. */
  readonly hasCdn: boolean
  stop(): Promise<void>
}

const hostileKeys: readonly unknown[] = [
  '',
  '/',
  'one-segment',
  '/users/alice/a',
  'users//a',
  'users/../bob/a',
  'users/./a',
  'users/alice/',
  'users/alice\\a',
  'users/a*b/c',
  'users/a?b/c',
  'users/a\u0000/b',
  'users/a\nb/c',
  'users/\ud800/a',
  'users/\ufffd/a',
  `users/${'é'.repeat(600)}/a`,
  '_state/revocations.json',
  '_EDGE/pages/403.html',
  '_incoming/x/y',
  undefined,
  null,
  42,
  ['users/alice/a'],
  { toString: () => 'users/alice/a' },
]

/** Runs the suite. */
export function describeAssets(name: string, open: () => Promise<AssetsUnderTest>): void {
  describe(`openAssets: ${name}`, () => {
    let under: AssetsUnderTest
    let assets: Assets
    let folder = ''
    let count = 0
    /** A key in a folder that no other test uses. */
    const fresh = (rest = 'file.txt') => `users/lib${++count}/${rest}`
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'resolved',
        (error: { code?: string; message: string }) => error.code ?? error.message,
      )
    const read = async ({ url, method, headers }: AssetUrl) => {
      const answer = await fetch(url, { method, headers })
      return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers }
    }
    const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

    beforeAll(async () => {
      under = await open()
      assets = under.assets
      folder = await mkdtemp(join(tmpdir(), 'assets-'))
    })
    afterAll(async () => {
      await under?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    describe('uploads', () => {
      it('shows nothing before it is confirmed, then exactly what was sent', async () => {
        const key = fresh('naïve file (1).txt')
        const body = Buffer.from('some bytes')
        const upload = await assets.uploadUrl(key, { size: body.length, contentType: 'text/plain', ttlSeconds: 120 })
        expect(upload).toMatchObject({ key, isPermanent: false, url: expect.stringMatching(/^http/) })
        expect(upload.expiresAt?.getTime()).toBeGreaterThan(Date.now())
        expect(await codeOf(assets.confirm(upload))).toBe('ERR_UPLOAD_INCOMPLETE')
        expect(await under.deliver(upload, body)).toBeLessThan(300)
        const confirmed = await assets.confirm(upload)
        expect(confirmed).toMatchObject({ key, size: 10, contentType: 'text/plain', lastModified: expect.any(Date) })
        expect(await assets.confirm(upload)).toEqual(confirmed)
        expect((await read(await assets.downloadUrl(key))).bytes).toEqual(body)
      })

      it('binds the length', async () => {
        const upload = await assets.uploadUrl(fresh(), { size: 5 })
        expect(await under.deliver(upload, Buffer.from('longer than that'))).toBeGreaterThanOrEqual(400)
        expect(await assets.exists(upload.key)).toBe(false)
      })

      it('is confirmed for its own key only', async () => {
        const upload = await assets.uploadUrl(fresh(), { size: 1 })
        await under.deliver(upload, Buffer.from('x'))
        expect(await codeOf(assets.confirm({ ...upload, key: fresh() }))).toMatch(/^ERR_UPLOAD_/)
        expect(await codeOf(assets.confirm({ ...upload, uploadId: '../../etc/passwd' }))).toBe('ERR_UPLOAD_NOT_FOUND')
        expect((await assets.confirm(upload)).size).toBe(1)
      })

      it('refuses a key that is taken, a wrong visibility, size, type and checksum', async () => {
        const key = fresh()
        await assets.save(key, Buffer.from('first'))
        expect(await codeOf(assets.uploadUrl(key, { size: 1 }))).toBe('ERR_ASSET_EXISTS')
        expect((await assets.uploadUrl(key, { size: 1, overwrite: true })).key).toBe(key)
        expect(await codeOf(assets.uploadUrl(fresh(), { size: 1, visibility: 'public' }))).toBe('ERR_KEY_INVALID')
        expect(await codeOf(assets.uploadUrl(`public/lib${count}.txt`, { size: 1, visibility: 'private' }))).toBe(
          'ERR_KEY_INVALID',
        )
        for (const size of [-1, 0.5, Number.NaN, '1', undefined]) {
          expect(await codeOf(assets.uploadUrl(fresh(), { size: size as number })), String(size)).toBe('ERR_SIZE')
        }
        expect(await codeOf(assets.uploadUrl(fresh(), { size: 1, contentType: 'a\r\nb' }))).toBe('ERR_CONTENT_TYPE')
        const checksum = { algorithm: 'SHA256', value: 'short' } as const
        expect(await codeOf(assets.uploadUrl(fresh(), { size: 1, checksum }))).toBe('ERR_CHECKSUM')
        expect(await codeOf(assets.uploadUrl(fresh(), { size: 1, ttlSeconds: 0 }))).toBe('ERR_REQUEST_INVALID')
      })
    })

    describe('save', () => {
      const bytes = randomBytes(20 * 1024 ** 2 + 17)
      /** In pieces of odd lengths. */
      async function* pieces(of: Uint8Array, length = 700_001) {
        for (let at = 0; at < of.length; at += length) yield of.subarray(at, at + length)
      }

      it('takes bytes, a Blob, a file and streams of Node and the web, and each is read back as it was', async () => {
        const file = join(folder, 'source.bin')
        await writeFile(file, bytes)
        const sources = [
          bytes,
          new Blob([bytes]),
          { file },
          pieces(bytes),
          Readable.from(pieces(bytes), { objectMode: false }),
          Readable.toWeb(Readable.from(pieces(bytes))) as unknown as AsyncIterable<Uint8Array>,
        ]
        for (const [index, source] of sources.entries()) {
          const key = fresh(`${index}.bin`)
          const saved = await assets.save(key, source, { contentType: 'image/png' })
          expect(saved).toMatchObject({ key, size: bytes.length, contentType: 'image/png' })
          expect(await assets.describe(key)).toEqual(saved)
          expect(sha256((await read(await assets.downloadUrl(key))).bytes), String(index)).toBe(sha256(bytes))
        }
      })

      it.each([0, 1, 8 * 1024 ** 2, 8 * 1024 ** 2 + 1])('takes a stream of %i bytes', async (length) => {
        for (const size of [undefined, length]) {
          const key = fresh()
          const part = bytes.subarray(0, length)
          await assets.save(key, pieces(part), size === undefined ? {} : { size })
          expect(sha256((await read(await assets.downloadUrl(key))).bytes)).toBe(sha256(part))
        }
      })

      it.each([
        ['ends early', bytes.length + 1, 'ERR_UPLOAD_MISMATCH'],
        ['goes on too long', bytes.length - 1, 'ERR_UPLOAD_MISMATCH'],
      ])('leaves nothing of a stream that %s', async (_fault, size, code) => {
        const key = fresh()
        expect(await codeOf(assets.save(key, pieces(bytes), { size }))).toBe(code)
        expect(await assets.exists(key)).toBe(false)
        expect(await under.leftovers()).toEqual([])
      })

      it('leaves nothing of a stream that fails, or of one that is no bytes, and keeps what was there', async () => {
        async function* failing() {
          yield* pieces(bytes)
          throw new Error('the socket was closed')
        }
        const key = fresh()
        await assets.save(key, Buffer.from('before'))
        expect(await codeOf(assets.save(key, failing(), { overwrite: true }))).toBe('ERR_UPLOAD_INCOMPLETE')
        const numbers = (async function* () {
          yield 42
        })() as unknown as AsyncIterable<Uint8Array>
        expect(await codeOf(assets.save(key, numbers, { overwrite: true }))).toBe('ERR_UPLOAD_INCOMPLETE')
        expect((await assets.describe(key))?.size).toBe(6)
        expect(await under.leftovers()).toEqual([])
      })

      it('overwrites only when it may, streams too', async () => {
        const key = fresh()
        await assets.save(key, Buffer.from('one'))
        expect(await codeOf(assets.save(key, Buffer.from('two')))).toBe('ERR_ASSET_EXISTS')
        expect(await codeOf(assets.save(key, pieces(bytes)))).toBe('ERR_ASSET_EXISTS')
        expect((await assets.describe(key))?.size).toBe(3)
        expect((await assets.save(key, pieces(bytes), { overwrite: true })).size).toBe(bytes.length)
        expect(await under.leftovers()).toEqual([])
      })

      it('refuses a missing file, a folder and what is no source', async () => {
        for (const source of [{ file: join(folder, 'absent') }, { file: folder }, 'text', undefined, 42]) {
          expect(await codeOf(assets.save(fresh(), source as unknown as Uint8Array))).toBe('ERR_UPLOAD_INCOMPLETE')
        }
        expect(await codeOf(assets.save(fresh(), Buffer.from('x'), { size: -1 }))).toBe('ERR_SIZE')
        expect(await codeOf(assets.save(fresh(), Buffer.from('x'), { size: 2 }))).toBe('ERR_UPLOAD_MISMATCH')
      })
    })

    describe('keys', () => {
      it('copies, moves, lists, describes and deletes', async () => {
        const [from, copy, moved] = [fresh('a.txt'), fresh('b.txt'), fresh('c.txt')]
        await assets.save(from, Buffer.from('hello'), { contentType: 'text/plain' })
        expect(await assets.copy(from, copy)).toMatchObject({ key: copy, size: 5, contentType: 'text/plain' })
        expect(await codeOf(assets.copy(fresh(), copy))).toBe('ERR_ASSET_NOT_FOUND')
        expect(await assets.move(copy, moved)).toMatchObject({ key: moved })
        expect([await assets.exists(from), await assets.exists(copy), await assets.exists(moved)]).toEqual([
          true,
          false,
          true,
        ])
        await assets.save(copy, Buffer.from('other'))
        expect(await codeOf(assets.move(copy, moved))).toBe('ERR_ASSET_EXISTS')
        await assets.move(copy, moved, { overwrite: true })
        const prefix = from.replace('a.txt', '')
        for (const rest of ['1', '2', '3']) await assets.save(prefix + rest, Buffer.from(rest))
        const first = await assets.list(prefix, { limit: 3 })
        expect(first.assets.map(({ key }) => key)).toEqual(['1', '2', '3'].map((rest) => prefix + rest))
        expect(first.assets[0]).toMatchObject({ size: 1, lastModified: expect.any(Date), etag: expect.any(String) })
        const second = await assets.list(prefix, { limit: 3, cursor: first.cursor ?? '' })
        expect(second.assets.map(({ key }) => key)).toEqual([from])
        expect(second.cursor).toBeUndefined()
        expect([await assets.delete(from), await assets.delete(from)]).toEqual([true, false])
        expect(await assets.describe(from)).toBeUndefined()
      })

      it('that cannot be are refused by every operation, with a code', async () => {
        const good = fresh()
        for (const hostile of hostileKeys) {
          const key = hostile as string
          const operations = {
            uploadUrl: assets.uploadUrl(key, { size: 1 }),
            confirm: assets.confirm({ key, uploadId: 'a'.repeat(22) }),
            downloadUrl: assets.downloadUrl(key),
            downloadUrls: assets.downloadUrls([good, key]),
            publicUrl: assets.publicUrl(key),
            save: assets.save(key, Buffer.from('x')),
            delete: assets.delete(key),
            copyFrom: assets.copy(key, good),
            copyTo: assets.copy(good, key),
            moveFrom: assets.move(key, good),
            moveTo: assets.move(good, key),
            exists: assets.exists(key),
            describe: assets.describe(key),
          }
          for (const [operation, work] of Object.entries(operations)) {
            expect(await codeOf(work), `${operation} ${JSON.stringify(key)}`).toMatch(
              /^ERR_(KEY_INVALID|KEY_RESERVED|REQUEST_INVALID)$/,
            )
          }
        }
      })

      it.each([
        '',
        '/',
        '../',
        'users/../bob/',
        '_state/',
        'users/a*b/',
        'users/\u0000/',
        `users/${'x'.repeat(2000)}/`,
      ])('are listed below no prefix such as %j', async (prefix) => {
        for (const work of [assets.list(prefix), assets.folderUrl(prefix), assets.signedCookies(prefix)]) {
          expect(await codeOf(work)).toMatch(/^ERR_(KEY_INVALID|KEY_RESERVED)$/)
        }
      })
    })

    describe('URLs', () => {
      it('open one file, with a name where one is asked for', async () => {
        const key = fresh('a b.txt')
        await assets.save(key, Buffer.from('named'), { contentType: 'text/plain' })
        const url = await assets.downloadUrl(key, { filename: 'Zoë.txt', ttlSeconds: 60 })
        expect(url).toMatchObject({ key, method: 'GET', headers: {}, isPermanent: false, expiresAt: expect.any(Date) })
        const answer = await read(url)
        expect(answer.bytes.toString()).toBe('named')
        expect(answer.headers.get('content-disposition')).toContain("filename*=UTF-8''Zo%C3%AB.txt")
        const forged = { ...url, url: url.url.replace('a%20b', 'c') }
        expect((await read(forged)).status).toBeGreaterThanOrEqual(400)
      })

      it('are made for up to 1,000 keys, in order', async () => {
        const keys = Array.from({ length: 1000 }, (_, index) => `users/many/${index}.jpg`)
        const urls = await assets.downloadUrls(keys)
        expect(urls.map(({ key }) => key)).toEqual(keys)
        expect(await codeOf(assets.downloadUrls([...keys, 'users/many/more.jpg']))).toBe('ERR_REQUEST_INVALID')
      })

      it('of public files are permanent', async () => {
        const key = `public/lib${++count}/logo.txt`
        await assets.save(key, Buffer.from('of everybody'), { contentType: 'text/plain' })
        const url = await assets.publicUrl(key)
        expect(url).toMatchObject({ key, isPermanent: true, expiresAt: null })
        expect(await assets.downloadUrl(key)).toEqual(url)
        if (under.hasCdn) expect((await read(url)).bytes.toString()).toBe('of everybody')
        expect(await codeOf(assets.publicUrl(fresh()))).toBe('ERR_KEY_INVALID')
      })

      it('have a life of whole seconds, at most a week', async () => {
        for (const ttlSeconds of [0, -1, 0.5, 604_801, Number.NaN, '60' as unknown as number]) {
          expect(await codeOf(assets.downloadUrl(fresh(), { ttlSeconds }))).toBe('ERR_REQUEST_INVALID')
        }
      })

      it('of folders and cookies cover one folder', async () => {
        if (!under.hasCdn) return
        const key = fresh('deep/a b.txt')
        const prefix = key.slice(0, key.indexOf('deep'))
        await assets.save(key, Buffer.from('below'))
        const { url, querystring } = await assets.folderUrl(prefix)
        expect(await (await fetch(`${url}deep/a%20b.txt?${querystring}`)).text()).toBe('below')
        const outside = url.replace(prefix, 'users/bob/')
        expect((await fetch(`${outside}a?${querystring}`)).status).toBe(403)
        const { cookies, path } = await assets.signedCookies(prefix)
        expect(path).toBe(`/${prefix}`)
        const cookie = Object.entries(cookies)
          .map(([cookieName, value]) => `${cookieName}=${value}`)
          .join('; ')
        const site = new URL(url).origin
        expect(await (await fetch(`${site}/${prefix}deep/a%20b.txt`, { headers: { cookie } })).text()).toBe('below')
        expect((await fetch(`${site}/users/bob/a`, { headers: { cookie } })).status).toBe(403)
      })
    })
  })
}
