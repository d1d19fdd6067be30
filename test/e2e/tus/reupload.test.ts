/** Clients that remember where they sent a file, with the real libraries: what they send again arrives. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { type PreviousUpload, Upload, type UrlStorage } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readTicket } from '../../../server/store/tickets.ts'
import { createUploadFallback } from '../../../server/uploads/upload-fallback.ts'
import { uploadOf } from '../../contract/store-under-test.ts'
import { send } from '../../support/http-client.ts'
import { sendUpload, startUploadStage, uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type TusTicket, type UploadTarget } from './upload-target.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe.each(uploadServerKinds())('a file that is sent again to %s', (kind) => {
  let target: UploadTarget
  beforeAll(async () => {
    target = await startUploadTarget(kind)
  })
  afterAll(() => target?.stop())

  /** As an application that resumes what it finds: https://github.com/tus/tus-js-client/blob/main/docs/usage.md. */
  async function sendByTus(bytes: Buffer, ticket: TusTicket, urlStorage: UrlStorage): Promise<string[]> {
    const seen: string[] = []
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint: ticket.url,
        metadata: ticket.metadata,
        urlStorage,
        retryDelays: [],
        onAfterResponse: (request, response) => void seen.push(`${request.getMethod()} ${response.getStatus()}`),
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.findPreviousUploads().then(([previous]) => {
        if (previous !== undefined) upload.resumeFromPreviousUpload(previous)
        upload.start()
      }, reject)
    })
    return seen
  }

  async function sendByUppy(bytes: Buffer, ticket: TusTicket, urlStorage: UrlStorage): Promise<string[]> {
    const seen: string[] = []
    const uppy = new Uppy().use(Tus, {
      endpoint: ticket.url,
      retryDelays: [],
      // Node's build of the library has no local storage; all other behaviour is the plugin's.
      ...({ urlStorage } as object),
      onAfterResponse: (request, response) => void seen.push(`${request.getMethod()} ${response.getStatus()}`),
    })
    uppy.addFile({
      name: 'same.bin',
      type: 'application/octet-stream',
      data: Object.assign(Buffer.from(bytes), { size: bytes.length }) as unknown as Blob,
      meta: { ...ticket.metadata },
    })
    const result = await uppy.upload()
    uppy.destroy()
    expect(result?.failed ?? []).toEqual([])
    return seen
  }

  const ways = { 'tus-js-client': sendByTus, Uppy: sendByUppy }
  const confirm = ({ uploadId }: TusTicket) => target.api(`/uploads/${uploadId}/confirm`, { json: {} })

  it.each(Object.entries(ways))('by %s, with another ticket for another key, arrives there', async (name, sendFile) => {
    const bytes = randomBytes(200_000)
    const storage = newStorage()
    for (const round of [1, 2, 3]) {
      const ticket = await target.ticket({ key: `users/alice/again/${name}-${round}.bin`, size: bytes.length })
      const seen = await sendFile(bytes, ticket, storage)
      expect(seen, `${round}`).toEqual(round === 1 ? ['POST 201', 'PATCH 204'] : ['HEAD 404', 'POST 201', 'PATCH 204'])
      expect((await confirm(ticket)).status).toBe(200)
      const read = await target.readSigned(`/users/alice/again/${name}-${round}.bin`)
      expect(read).toMatchObject({ status: 200, sha256: sha256(bytes) })
    }
  })

  it.each(Object.entries(ways))('by %s, over what it was before, arrives', async (name, sendFile) => {
    const bytes = randomBytes(100_000)
    const storage = newStorage()
    const key = `users/alice/over/${name}.bin`
    const etags = new Set<unknown>()
    for (const overwrite of [false, true, true]) {
      const ticket = await target.ticket({ key, size: bytes.length, overwrite })
      await sendFile(bytes, ticket, storage)
      const confirmed = await confirm(ticket)
      expect(confirmed.status).toBe(200)
      etags.add(((await confirmed.json()) as { etag: string }).etag)
    }
    expect(etags.size).toBe(3)
  })

  it('after its first upload was refused, arrives under a key that is free', async () => {
    const bytes = randomBytes(50_000)
    const storage = newStorage()
    const first = await target.ticket({ key: 'users/alice/refused/taken.bin', size: bytes.length })
    const faster = await target.ticket({ key: 'users/alice/refused/taken.bin', size: bytes.length })
    await sendByTus(bytes, faster, newStorage())
    expect((await confirm(faster)).status).toBe(200)
    await sendByTus(bytes, first, storage)
    expect((await confirm(first)).status).toBe(409)
    // Given up by the user; what could be confirmed later is what `HEAD` still tells of.
    expect((await target.api(`/uploads/${first.uploadId}`, { method: 'DELETE' })).status).toBe(200)
    const second = await target.ticket({ key: 'users/alice/refused/free.bin', size: bytes.length })
    expect(await sendByTus(bytes, second, storage)).toEqual(['HEAD 404', 'POST 201', 'PATCH 204'])
    expect((await confirm(second)).status).toBe(200)
  })

  it('a method in X-HTTP-Method-Override counts as the method', async () => {
    const ticket = await target.ticket({ key: 'users/alice/override.bin', size: 5 })
    const created = await fetch(ticket.url, { method: 'POST', headers: { ...ticket.headers, 'Upload-Length': '5' } })
    const patched = await fetch(String(created.headers.get('location')), {
      method: 'POST',
      headers: {
        'Tus-Resumable': '1.0.0',
        'X-HTTP-Method-Override': 'PATCH',
        'Upload-Offset': '0',
        'Content-Type': 'application/offset+octet-stream',
      },
      body: '12345',
    })
    expect([patched.status, patched.headers.get('upload-offset')]).toEqual([204, '5'])
    expect((await confirm(ticket)).status).toBe(200)
  })

  it('the upload’s URL is below the address of the server, for any host in the request', async () => {
    for (const host of ['localhost:1', 'localhost', 'evil.test:81']) {
      const ticket = await target.ticket({ key: `users/alice/host/${host}`, size: 5 })
      const headers = { ...ticket.headers, host, 'upload-length': '5', 'x-forwarded-host': 'evil.test' }
      const created = await send(target.url, { method: 'POST', path: '/files/', headers })
      expect(created.status).toBe(201)
      expect(String(created.headers.location)).toMatch(new RegExp(`^${target.url}/files/[\\w-]{22}$`))
    }
  })

  it('metadata with a space behind each comma is the same metadata', async () => {
    const ticket = await target.ticket({ key: 'users/alice/space.bin', size: 5 })
    const metadata = String(ticket.headers['Upload-Metadata']).replaceAll(',', ', ')
    expect(metadata).toContain(', ')
    const headers = { ...ticket.headers, 'Upload-Metadata': metadata, 'Upload-Length': '5' }
    expect((await fetch(ticket.url, { method: 'POST', headers })).status).toBe(201)
  })

  it('an unknown type is empty in the metadata of a browser', async () => {
    const ticket = await target.ticket({ key: 'users/alice/t.parquet', size: 5, contentType: '' })
    expect(ticket.metadata['content-type']).toBe('application/octet-stream')
    const encoded = Buffer.from(ticket.metadata['upload-token'] ?? '').toString('base64')
    const headers = {
      ...ticket.headers,
      'Upload-Metadata': `content-type ,upload-token ${encoded}`,
      'Upload-Length': '5',
    }
    expect((await fetch(ticket.url, { method: 'POST', headers })).status).toBe(201)
  })
})

describe.each(uploadServerKinds())('HEAD of an upload that %s has finished', (kind) => {
  it('answers HEAD for 15 seconds after publication, then 404', async () => {
    const stage = await startUploadStage(kind)
    const clock = { now: Math.floor(Date.now() / 1000) }
    const services = { ...stage.services, now: () => clock.now }
    const fallback = createUploadFallback(stage.location, services).listen(0, '127.0.0.1')
    await new Promise((resolve) => fallback.once('listening', resolve))
    const { port } = fallback.address() as { port: number }
    const head = async (id: string) => (await fetch(`http://127.0.0.1:${port}/files/${id}`, { method: 'HEAD' })).status
    try {
      const send = async (key: string) => {
        const body = Buffer.from('12345')
        const upload = uploadOf(key, body, { protocol: 'tus', checksum: undefined, contentType: 'text/plain' })
        await sendUpload(stage, await stage.services.store.receive(upload, clock.now), body)
        await vi.waitUntil(async () => (await readTicket(stage.location, upload.id))?.unknownFrom !== undefined, 5000)
        // The upload server itself knows it no more.
        const own = await stage.send({
          method: 'HEAD',
          url: `/files/${upload.id}`,
          headers: { 'Tus-Resumable': '1.0.0' },
        })
        expect(own.status).toBe(404)
        return upload
      }
      const published = await send('users/alice/head/a')
      const from = (await readTicket(stage.location, published.id))?.unknownFrom ?? 0
      clock.now = from - 1
      expect(await head(published.id)).toBe(200)
      clock.now = from
      expect(await head(published.id)).toBe(404)
      // Refused: its key is taken. The bytes wait for a confirm, and the client that sent them got the refusal.
      clock.now = from - 15
      const refused = await send('users/alice/head/a')
      expect(readdirSync(stage.location.area.incoming)).toEqual([refused.id])
      const until = (await readTicket(stage.location, refused.id))?.unknownFrom ?? 0
      clock.now = until - 1
      expect(await head(refused.id)).toBe(200)
      clock.now = until
      expect(await head(refused.id)).toBe(404)
      expect(from - Math.floor(Date.now() / 1000)).toBeLessThanOrEqual(15)
    } finally {
      fallback.close()
      await stage.stop()
    }
  })
})

/** Keeps the URLs of uploads by fingerprint, as the library does in a browser's local storage. */
function newStorage(): UrlStorage {
  const uploads = new Map<string, PreviousUpload>()
  const found = (fingerprint: string) =>
    [...uploads.entries()]
      .filter(([key]) => fingerprint === '' || key.startsWith(`${fingerprint}::`))
      .map(([urlStorageKey, upload]) => ({ ...upload, urlStorageKey }))
  return {
    findAllUploads: async () => found(''),
    findUploadsByFingerprint: async (fingerprint) => found(fingerprint),
    removeUpload: async (key) => void uploads.delete(key),
    async addUpload(fingerprint, upload) {
      const key = `${fingerprint}::${uploads.size}`
      uploads.set(key, upload)
      return key
    },
  }
}
