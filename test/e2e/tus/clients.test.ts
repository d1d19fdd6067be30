import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

const run = promisify(execFile)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe.each(uploadServerKinds())('clients of %s', (kind) => {
  let target: UploadTarget
  let directory: string
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-clients-'))
    target = await startUploadTarget(kind)
  })
  afterAll(async () => {
    await target?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('tus-js-client, given endpoint and headers of the ticket, in pieces', async () => {
    const bytes = randomBytes(5 * 2 ** 20 + 3)
    const ticket = await target.ticket({ key: 'users/alice/a b#%ü.bin', size: bytes.length })
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(bytes, {
        endpoint: ticket.url,
        headers: ticket.headers,
        chunkSize: 2 * 2 ** 20,
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    const confirmed = await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    expect(await confirmed.json()).toMatchObject({ key: ticket.key, size: bytes.length })
    const read = await target.readSigned('/users/alice/a%20b%23%25%C3%BC.bin')
    expect(read).toEqual({
      status: 200,
      size: bytes.length,
      sha256: sha256(bytes),
      type: 'application/octet-stream',
    })
  })

  it('tus-js-client, given the metadata, from a stream', async () => {
    const bytes = randomBytes(3 * 2 ** 20)
    const file = join(directory, 'streamed')
    writeFileSync(file, bytes)
    const ticket = await target.ticket({ key: 'users/alice/film.bin', size: bytes.length, contentType: 'video/mp4' })
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(createReadStream(file), {
        endpoint: ticket.url,
        metadata: ticket.metadata,
        uploadSize: bytes.length,
        chunkSize: 2 ** 20,
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    // The name says nothing of the type; the declaration did.
    expect(await target.readSigned('/users/alice/film.bin')).toMatchObject({
      status: 200,
      sha256: sha256(bytes),
      type: 'video/mp4',
    })
  })

  it("Uppy's tus plugin, which adds metadata of its own", async () => {
    const bytes = randomBytes(2 ** 20 + 1)
    const ticket = await target.ticket({ key: 'users/alice/from uppy.jpg', size: bytes.length })
    const uppy = new Uppy().use(Tus, { endpoint: ticket.url, retryDelays: [], chunkSize: 2 ** 19 })
    uppy.addFile({
      name: 'local name.jpg',
      type: 'image/jpeg',
      // In Node the plugin's library takes a Buffer where a browser's takes a Blob.
      data: Object.assign(Buffer.from(bytes), { size: bytes.length }) as unknown as Blob,
      meta: { ...ticket.metadata },
    })
    const result = await uppy.upload()
    uppy.destroy()
    expect(result?.failed ?? []).toEqual([])
    await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    expect(await target.readSigned('/users/alice/from%20uppy.jpg')).toMatchObject({ sha256: sha256(bytes) })
  })

  it('curl, with exactly the headers of the ticket and a length', async () => {
    const bytes = randomBytes(300_000)
    const file = join(directory, 'curled')
    writeFileSync(file, bytes)
    const ticket = await target.ticket({ key: 'users/alice/curl.bin', size: bytes.length })
    const headers = Object.entries({ ...ticket.headers, 'Upload-Length': String(bytes.length) })
    const { stdout: created } = await run('curl', [
      ...['-sS', '-i', '-X', 'POST', ticket.url],
      ...headers.flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ])
    const location = /^location: (.*)\r$/im.exec(created)?.[1]
    expect(created).toMatch(/^HTTP\/1.1 201/)
    const { stdout: sent } = await run('curl', [
      ...['-sS', '-o', '/dev/null', '-w', '%{http_code}', '-X', 'PATCH', String(location)],
      ...['-H', 'Tus-Resumable: 1.0.0', '-H', 'Upload-Offset: 0'],
      ...['-H', 'Content-Type: application/offset+octet-stream', '--data-binary', `@${file}`],
    ])
    expect(sent).toBe('204')
    await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    expect(await target.readSigned('/users/alice/curl.bin')).toMatchObject({ sha256: sha256(bytes) })
  })

  it('a header that a browser library sends twice is the same as once', async () => {
    const ticket = await target.ticket({ key: 'users/alice/twice.bin', size: 1 })
    const created = await fetch(ticket.url, {
      method: 'POST',
      headers: { ...ticket.headers, 'Tus-Resumable': '1.0.0, 1.0.0', 'Upload-Length': '1' },
    })
    expect(created.status).toBe(201)
  })
})
