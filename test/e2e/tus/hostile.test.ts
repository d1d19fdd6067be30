/**
 * Refusals of upload servers, and uploads that must survive a failing machine: the same for tusd and for the embedded server,
 * without nginx in front.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { findProgram } from '../../../local/setup/command.ts'
import { clearUp } from '../../../server/store/clear-up.ts'
import { formatUploadMetadata, uploadMetadata } from '../../../server/store/metadata.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { issueUploadToken, isUploadRevoked, ownerOf } from '../../../shared/uploads/upload-token.ts'
import { uploadOf } from '../../contract/store-under-test.ts'
import {
  sendUpload,
  startUploadStage,
  type TusAnswer,
  type UploadStage,
  uploadServerKinds,
} from '../../support/upload-stage.ts'

const body = Buffer.from('the bytes of a file')
const octets = { 'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream' }

/** The code of a problem; `undefined` for what does not say that it is one. */
function codeOf(answer: TusAnswer): unknown {
  if (answer.headers['content-type'] !== 'application/problem+json') return undefined
  try {
    return JSON.parse(answer.text).code
  } catch {
    return undefined
  }
}

describe.each(uploadServerKinds())('hostile uploads to %s', (kind) => {
  let stage: UploadStage
  let number = 0
  /** Uploads that were published, or could not be. */
  const tried = new Set<string>()
  beforeAll(async () => {
    stage = await startUploadStage(kind, (hooks) => ({
      ...hooks,
      async finished(id) {
        await hooks.finished(id)
        tried.add(id)
      },
    }))
  })
  afterAll(() => stage?.stop())
  afterEach(() => vi.useRealTimers())

  const allowed = (changes: Partial<Upload> = {}, bytes: Uint8Array = body): Upload =>
    uploadOf(`users/alice/h${++number}/file.bin`, bytes, {
      protocol: 'tus',
      checksum: undefined,
      contentType: 'application/octet-stream',
      ...changes,
    })
  const token = (upload: Upload) => issueUploadToken(upload, stage.stampKey)
  const create = (metadata: string | Record<string, string>, headers: Record<string, string | undefined> = {}) => {
    const all: Record<string, string | undefined> = {
      'Tus-Resumable': '1.0.0',
      'Upload-Length': String(body.length),
      'Upload-Metadata': typeof metadata === 'string' ? metadata : formatUploadMetadata(metadata),
      ...headers,
    }
    const sent = Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
    )
    return stage.send({ method: 'POST', url: '/files/', headers: sent })
  }
  const createFor = (upload: Upload, headers: Record<string, string | undefined> = {}) =>
    create(uploadMetadata(upload, token(upload)), headers)
  const patch = (url: string, offset: number, bytes: Uint8Array) =>
    stage.send({ method: 'PATCH', url, headers: { ...octets, 'Upload-Offset': String(offset) }, body: bytes })
  const published = (upload: Upload) => stage.services.store.describe(upload.key)
  const arrivesAt = (upload: Upload) => vi.waitUntil(async () => (await published(upload)) !== undefined, 5000)

  describe('tokens', () => {
    it('lets one upload begin, and publishes it when its last byte is there', async () => {
      const upload = allowed()
      const created = await createFor(upload)
      expect(created.status).toBe(201)
      expect(new URL(String(created.headers.location)).pathname).toBe(`/files/${upload.id}`)
      expect((await patch(String(created.headers.location), 0, body)).status).toBe(204)
      await arrivesAt(upload)
      expect(await published(upload)).toMatchObject({ size: body.length, uploadId: upload.id })
    })

    it('refuses a token that was used, also after its upload is over', async () => {
      const upload = allowed()
      expect((await createFor(upload)).status).toBe(201)
      const again = await createFor(upload)
      expect([again.status, codeOf(again)]).toEqual([410, 'ERR_UPLOAD_USED'])
      await patch(`/files/${upload.id}`, 0, body)
      await arrivesAt(upload)
      expect(codeOf(await createFor(upload))).toBe('ERR_UPLOAD_USED')
    })

    it('lets one of two concurrent uses through', async () => {
      const upload = allowed()
      const answers = await Promise.all([createFor(upload), createFor(upload), createFor(upload)])
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 410, 410])
    })

    it('refuses an expired one', async () => {
      const answer = await createFor(allowed({ expiresAt: Math.floor(Date.now() / 1000) }))
      expect([answer.status, codeOf(answer)]).toEqual([410, 'ERR_UPLOAD_EXPIRED'])
    })

    it('refuses one that was not begun in time, regardless of the time that its upload may take', async () => {
      const now = Math.floor(Date.now() / 1000)
      const { ticketSeconds } = stage.services.config.uploads
      const late = await createFor(allowed({ issuedAt: now - ticketSeconds, expiresAt: now + 600_000 }))
      expect([late.status, codeOf(late)]).toEqual([410, 'ERR_UPLOAD_EXPIRED'])
      const upload = allowed({ issuedAt: now - ticketSeconds + 60, expiresAt: now + 600_000 })
      expect((await createFor(upload)).status).toBe(201)
      expect((await stage.services.store.receive(upload, now)).expiresAt).toBe(now + 60)
    })

    it('refuses one from before a revocation, and publishes and keeps nothing of what it began', async () => {
      const now = Math.floor(Date.now() / 1000)
      const [begun, waiting] = [allowed({ issuedAt: now - 10 }), allowed({ issuedAt: now - 10 })]
      expect((await createFor(begun)).status).toBe(201)
      const entry = { prefix: parseResourcePrefix('/users/alice/'), before: now - 5, expires: now + 600 }
      const isRevoked = (upload: Upload) => isUploadRevoked({ revocations: [entry] }, upload)
      const known = vi.spyOn(stage.services, 'revocations').mockResolvedValue({ revocations: [entry], readAt: now })
      const asked = vi
        .spyOn(stage.services.uploads, 'isRevoked')
        .mockImplementation(async (upload) => isRevoked(upload))
      const forget = () => {
        known.mockRestore()
        asked.mockRestore()
      }
      onTestFinished(forget)
      const refused = await createFor(waiting)
      expect([refused.status, codeOf(refused)]).toEqual([401, 'ERR_SESSION_REVOKED'])
      await patch(`/files/${begun.id}`, 0, body)
      await vi.waitUntil(() => tried.has(begun.id), 5000)
      expect(await published(begun)).toBeUndefined()
      expect(await clearUp(stage.location, now, isRevoked)).not.toContain(begun.id)
      expect(existsSync(join(stage.location.area.incoming, begun.id))).toBe(false)
      expect((await createFor(allowed({ issuedAt: now }))).status).toBe(201)
      forget()
      expect(codeOf(await createFor(begun))).toBe('ERR_UPLOAD_USED')
      expect((await createFor(waiting)).status).toBe(201)
    })

    it('refuses one of another service, of another kind, cut short, stretched, and none', async () => {
      const upload = allowed()
      const good = token(upload)
      const [record = '', signature = ''] = good.split('.')
      const other = token(allowed())
      const bad = [
        issueUploadToken(upload, randomBytes(32).toString('base64url')),
        token(allowed({ protocol: 'multipart', storeId: 'x' })),
        good.slice(0, -1),
        record,
        `${good}.`,
        `${good}A`,
        `${other.split('.')[0]}.${signature}`,
        `${record}x.${signature}`,
        '',
        '.',
        '\u0000',
      ]
      for (const one of bad) {
        const answer = await create({ 'upload-token': one })
        // The embedded server's library refuses some of them as headers before it asks.
        const code = answer.status === 400 ? undefined : 'ERR_UPLOAD_NOT_FOUND'
        expect([answer.status, codeOf(answer)], JSON.stringify(one)).toEqual([code === undefined ? 400 : 404, code])
      }
      expect([400, 404]).toContain((await create({})).status)
      // Nothing of it used the good one up.
      expect((await createFor(upload)).status).toBe(201)
    })

    it('refuses a token that comes with the session of somebody else', async () => {
      const upload = allowed()
      for (const headers of [
        { Authorization: `Bearer ${stage.sessions.session('mallory')}` },
        { Cookie: `session=${stage.sessions.session('mallory')}` },
      ]) {
        expect(codeOf(await createFor(upload, headers))).toBe('ERR_UPLOAD_NOT_FOUND')
      }
      const own = { Authorization: `Bearer ${stage.sessions.session('alice')}` }
      expect((await createFor(upload, own)).status).toBe(201)
    })
  })

  describe('metadata', () => {
    it('refuses what contradicts the token', async () => {
      const upload = allowed()
      const good = uploadMetadata(upload, token(upload))
      const lies = {
        'asset-key': 'users/bob/file.bin',
        'content-type': 'text/html',
        visibility: 'public',
        'upload-expires': '9999999999',
      }
      for (const [name, value] of Object.entries(lies)) {
        const answer = await create({ ...good, [name]: value })
        expect([answer.status, codeOf(answer)], name).toEqual([422, 'ERR_UPLOAD_MISMATCH'])
      }
      expect((await create(good)).status).toBe(201)
    })

    it('keeps fields apart that hold separators', async () => {
      // The same text once the fields are joined with colons.
      const one = allowed({ key: `users/alice/a:private` as Upload['key'] })
      const other = allowed({ key: 'users/alice/a' as Upload['key'] })
      const answer = await create({ ...uploadMetadata(other, token(one)) })
      expect(codeOf(answer)).toBe('ERR_UPLOAD_MISMATCH')
    })

    it('drops fields that it did not ask for, and shows no token', async () => {
      const upload = allowed()
      const metadata = { ...uploadMetadata(upload, token(upload)), filename: '../../etc/passwd', '<b>': 'x\ny: z' }
      expect((await create(metadata)).status).toBe(201)
      const head = await stage.send({
        method: 'HEAD',
        url: `/files/${upload.id}`,
        headers: { 'Tus-Resumable': '1.0.0' },
      })
      const names = String(head.headers['upload-metadata'])
        .split(',')
        .map((pair) => pair.split(' ')[0])
      expect(names.sort()).toEqual(['asset-key', 'content-type', 'visibility'])
    })

    it('refuses junk with a client error and makes nothing of it', async () => {
      const upload = allowed()
      const before = readdirSync(stage.location.area.incoming).length
      const encoded = Buffer.from(token(upload)).toString('base64')
      for (const junk of [
        'upload-token',
        'upload-token !!!',
        'upload-token a b',
        ',,,',
        `upload-token ${encoded},upload-token ${encoded}`,
        `é ${encoded}`,
        'x'.repeat(9000),
      ]) {
        const answer = await create(Buffer.from(junk, 'utf8').toString('latin1'))
        if (answer.status !== 201) {
          expect(answer.status, junk.slice(0, 40)).toBeGreaterThanOrEqual(400)
          expect(answer.status, junk.slice(0, 40)).toBeLessThan(500)
        }
      }
      expect(readdirSync(stage.location.area.incoming).length - before).toBeLessThanOrEqual(2)
    })
  })

  describe('lengths', () => {
    it('refuses a length that is not the declared one, deferred, or none', async () => {
      const upload = allowed()
      for (const length of ['0', String(body.length - 1), String(body.length + 1), '99999999999']) {
        const answer = await createFor(upload, { 'Upload-Length': length })
        expect(codeOf(answer), length).toBe('ERR_UPLOAD_MISMATCH')
      }
      const deferred = await createFor(upload, { 'Upload-Length': undefined, 'Upload-Defer-Length': '1' })
      const none = await createFor(upload, { 'Upload-Length': undefined })
      for (const answer of [
        deferred,
        none,
        await createFor(upload, { 'Upload-Length': '-1' }),
        await createFor(upload, { 'Upload-Length': '1e3' }),
      ]) {
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.status).toBeLessThan(500)
      }
      expect((await createFor(upload)).status).toBe(201)
    })

    it('accepts no byte beyond the declared length', async () => {
      const upload = allowed()
      await createFor(upload)
      const answer = await patch(`/files/${upload.id}`, 0, Buffer.concat([body, Buffer.from('more')]))
      const size = await stage.services.store.describe(upload.key).then((asset) => asset?.size)
      expect([undefined, body.length]).toContain(size)
      expect(answer.status === 204 ? size : undefined).toBeUndefined()
    })

    it('refuses concatenation', async () => {
      const upload = allowed()
      for (const concat of ['partial', 'final;/files/a /files/b']) {
        const answer = await createFor(upload, { 'Upload-Concat': concat })
        expect(answer.status, concat).toBeGreaterThanOrEqual(400)
        expect(answer.status, concat).not.toBe(500)
      }
      expect((await createFor(upload)).status).toBe(201)
    })

    it('drops bytes whose checksum is another one', async () => {
      const upload = allowed({ checksum: uploadOf('users/alice/x', body).checksum })
      await createFor(upload)
      const answer = await patch(`/files/${upload.id}`, 0, Buffer.from(body).fill(0))
      expect([answer.status, codeOf(answer)]).toEqual([422, 'ERR_UPLOAD_MISMATCH'])
      expect(await published(upload)).toBeUndefined()
      expect(existsSync(join(stage.location.area.incoming, upload.id))).toBe(false)
    })
  })

  describe('an upload under way', () => {
    it('cannot be read before publication, even by its URL', async () => {
      const upload = allowed()
      await createFor(upload)
      await patch(`/files/${upload.id}`, 0, body.subarray(0, 4))
      const answer = await stage.send({ method: 'GET', url: `/files/${upload.id}` })
      expect(answer.status).toBe(405)
      expect(answer.text).not.toContain('the ')
      expect(await published(upload)).toBeUndefined()
    })

    it('is ended by its owner only', async () => {
      const upload = allowed()
      await createFor(upload)
      await patch(`/files/${upload.id}`, 0, body.subarray(0, 4))
      const end = (headers: Record<string, string>) =>
        stage.send({ method: 'DELETE', url: `/files/${upload.id}`, headers: { 'Tus-Resumable': '1.0.0', ...headers } })
      const bearer = (sub: string) => ({ Authorization: `Bearer ${stage.sessions.session(sub)}` })
      const cookie = { Cookie: `session=${stage.sessions.session('alice')}` }
      expect(codeOf(await end({ ...bearer('') }))).toMatch(/ERR_SESSION/)
      expect(codeOf(await end(bearer('mallory')))).toBe('ERR_UPLOAD_NOT_FOUND')
      expect(codeOf(await end(cookie))).toBe('ERR_ORIGIN_REQUIRED')
      // tusd refuses a foreign origin by itself, before it asks.
      expect([400, 403]).toContain((await end({ ...cookie, Origin: 'https://evil.test' })).status)
      expect(codeOf(await end({}))).toBe('ERR_SESSION_MISSING')
      const head = await stage.send({
        method: 'HEAD',
        url: `/files/${upload.id}`,
        headers: { 'Tus-Resumable': '1.0.0' },
      })
      expect([head.status, head.headers['upload-offset']]).toEqual([200, '4'])
      expect((await end(bearer('alice'))).status).toBe(204)
      expect(existsSync(join(stage.location.area.incoming, upload.id))).toBe(false)
      expect(codeOf(await createFor(upload))).toBe('ERR_UPLOAD_USED')
    })

    it('reaches no path outside the folder of uploads', async () => {
      for (const path of [
        '/files/..%2f..%2fetc%2fpasswd',
        '/files/../state/secret.json',
        '/files/%2e%2e/tickets',
        '/files/a%00b',
      ]) {
        for (const method of ['HEAD', 'PATCH', 'DELETE']) {
          const answer = await stage.send({
            method,
            url: path,
            headers: { ...octets, 'Upload-Offset': '0', Authorization: `Bearer ${stage.sessions.session('alice')}` },
          })
          expect(answer.status, `${method} ${path}`).toBeGreaterThanOrEqual(400)
        }
      }
    })

    it('is dropped after its time; a published one stays', async () => {
      const now = Math.floor(Date.now() / 1000)
      const over = allowed({ expiresAt: now + 2 })
      const done = allowed({ expiresAt: now + 2 })
      const live = allowed()
      for (const upload of [over, done, live]) expect((await createFor(upload)).status).toBe(201)
      for (const upload of [over, live]) await patch(`/files/${upload.id}`, 0, body.subarray(0, 3))
      await patch(`/files/${done.id}`, 0, body)
      await arrivesAt(done)
      await clearUp(stage.location, now + 2)
      const names = readdirSync(stage.location.area.incoming)
      expect(names.filter((name) => name.startsWith(over.id))).toEqual([])
      expect(names).toContain(live.id)
      expect(existsSync(join(stage.location.area.tickets, over.id))).toBe(false)
      expect((await published(done))?.size).toBe(body.length)
      const gone = await patch(`/files/${over.id}`, 3, body.subarray(3))
      expect([404, 410]).toContain(gone.status)
    })
  })

  describe('a machine that fails', () => {
    it.runIf(kind === 'tusd' && findProgram('prlimit') !== undefined)('goes on when there is room again', async () => {
      const bytes = randomBytes(300_000)
      const upload = allowed({}, bytes)
      await createFor(upload, { 'Upload-Length': String(bytes.length) })
      const limit = (size: string) => execFileSync('prlimit', ['--pid', String(stage.pid), `--fsize=${size}:unlimited`])
      limit('100000')
      const full = await patch(`/files/${upload.id}`, 0, bytes)
      limit('unlimited')
      expect(full.status).toBe(500)
      expect(await published(upload)).toBeUndefined()
      const head = await stage.send({
        method: 'HEAD',
        url: `/files/${upload.id}`,
        headers: { 'Tus-Resumable': '1.0.0' },
      })
      expect(head.headers['upload-offset']).toBe('100000')
      expect((await patch(`/files/${upload.id}`, 100_000, bytes.subarray(100_000))).status).toBe(204)
      await arrivesAt(upload)
      expect(readFileSync(join(stage.location.content, upload.key)).equals(bytes)).toBe(true)
    })

    it('keeps what arrived while the content cannot be written, and publishes later', async () => {
      const upload = allowed({ key: 'users/read-only/x.bin' as Upload['key'] })
      const folder = join(stage.location.content, 'users/read-only')
      mkdirSync(folder, { recursive: true })
      const readOnly = makeReadOnly(folder)
      await createFor(upload)
      expect((await patch(`/files/${upload.id}`, 0, body)).status).toBe(204)
      await vi.waitUntil(() => tried.has(upload.id), 5000)
      onTestFinished(() => readOnly.undo())
      const confirm = async () =>
        (await stage.services.store.publish(await arrived(upload)).catch((e) => e.code)) ?? 'gone'
      expect(await confirm()).toBe('ERR_STORE_UNAVAILABLE')
      expect(readdirSync(folder)).toEqual([])
      readOnly.undo()
      expect(await clearUp(stage.location, Math.floor(Date.now() / 1000))).toContain(upload.id)
      expect(await confirm()).toMatchObject({ size: body.length, uploadId: upload.id })
    })

    it('follows no link out of the content', async () => {
      const outside = join(stage.location.area.root, 'outside')
      mkdirSync(outside, { recursive: true })
      writeFileSync(join(outside, 'secret.txt'), 'secret')
      mkdirSync(join(stage.location.content, 'users/alice'), { recursive: true })
      symlinkSync(outside, join(stage.location.content, 'users/alice/link'))
      const secret = 'users/alice/link/secret.txt' as Upload['key']
      const { store } = stage.services
      expect(await store.describe(secret)).toBeUndefined()
      expect(await store.delete(secret)).toBe(false)
      await expect(store.save(secret, body, 'text/plain', { overwrite: true })).rejects.toMatchObject({
        code: 'ERR_ASSET_EXISTS',
      })
      expect(readFileSync(join(outside, 'secret.txt'), 'utf8')).toBe('secret')
    })

    const arrived = async (upload: Upload) => {
      const file = await stage.services.store.incoming(upload.id)
      if (file === undefined) throw new Error('nothing has arrived')
      return file
    }
  })

  describe.runIf(kind === 'tusd')('hook calls that do not come from tusd', () => {
    const call = (path: string, json: unknown) =>
      fetch(new URL(path, stage.hooksUrl), {
        method: 'POST',
        body: typeof json === 'string' ? json : JSON.stringify(json),
      })
    const event = (Type: string, ID: string) => ({
      Type,
      Event: {
        Upload: {
          ID,
          Size: body.length,
          SizeIsDeferred: false,
          MetaData: {},
          IsPartial: false,
          IsFinal: false,
          Storage: { Path: '/etc/passwd' },
        },
        HTTPRequest: { Header: {} },
      },
    })

    it('need the path to get an answer', async () => {
      for (const path of ['/', '/hooks', '/hooks-of-a-tes', '/hooks-of-a-testx', '/hooks-of-a-test?x']) {
        expect((await call(path, event('pre-create', ''))).status, path).toBe(404)
      }
      expect((await fetch(String(stage.hooksUrl))).status).toBe(405)
      for (const junk of ['', '{', '[]', '{"Type":1}', 'x'.repeat(300_000)]) {
        expect((await call(String(stage.hooksUrl), junk)).status).toBe(400)
      }
    })

    it('publish nothing that is not complete, and no file that they name', async () => {
      const upload = allowed()
      await createFor(upload)
      await patch(`/files/${upload.id}`, 0, body.subarray(0, 5))
      for (const id of [upload.id, '../tickets/x', '/etc/passwd', '']) {
        expect((await call(String(stage.hooksUrl), event('post-finish', id))).status).toBe(200)
      }
      expect(await published(upload)).toBeUndefined()
      expect(statSync('/etc/passwd').size).toBeGreaterThan(0)
      const refused = await (await call(String(stage.hooksUrl), event('pre-terminate', upload.id))).json()
      expect(refused).toMatchObject({ RejectTermination: true, HTTPResponse: { StatusCode: 401 } })
    })
  })

  it('sends an empty file', async () => {
    const upload = allowed({}, Buffer.alloc(0))
    const ticket = await stage.services.store.receive(upload, 0)
    expect((await sendUpload(stage, ticket, Buffer.alloc(0))).status).toBe(201)
    await arrivesAt(upload)
    expect((await published(upload))?.size).toBe(0)
    expect(upload.owner).toBe(ownerOf('alice'))
  })
})

/** A folder that nobody can write into. Permissions do not hold root; a flag of the file system does. */
function makeReadOnly(folder: string): { undo(): void } {
  if (process.getuid?.() !== 0) {
    chmodSync(folder, 0o555)
    return { undo: () => chmodSync(folder, 0o755) }
  }
  execFileSync('chattr', ['+i', folder])
  return { undo: () => execFileSync('chattr', ['-i', folder]) }
}
