/**
 * A large file while the upload server is killed twice: it goes on where it was, and what is read back through the edge is what was
 * sent. `EDGE_SIGNER_UPLOAD_MIB` cuts its size; the default is 1 GiB.
 */
import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, createReadStream, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

const MiB = 2 ** 20
const size = Number(process.env.EDGE_SIGNER_UPLOAD_MIB ?? 1024) * MiB

describe.each(uploadServerKinds())('an upload through %s that is killed twice', (kind) => {
  let target: UploadTarget
  let directory: string
  let file: string
  let sha256: string
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'edge-signer-resume-'))
    file = join(directory, 'disk.raw')
    sha256 = writeNoise(file, size)
    target = await startUploadTarget(kind)
  })
  afterAll(async () => {
    await target?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('completes without starting over, with the same SHA-256 through the signed edge path', async () => {
    const ticket = await target.ticket({ key: 'users/alice/disk.raw', size })
    const killAt = [0.3 * size, 0.6 * size]
    const killed: { pid: number; sent: number }[] = []
    const seen: { method: string; status: number; offset: number }[] = []
    const sentFrom: number[] = []
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(createReadStream(file), {
        endpoint: ticket.url,
        headers: ticket.headers,
        retryDelays: Array.from({ length: 40 }, () => 250),
        onProgress(sent) {
          if (killed.length === killAt.length || sent < (killAt[killed.length] ?? 0)) return
          const pid = target.emulation.uploads?.pid() ?? 0
          killed.push({ pid, sent })
          process.kill(pid, 'SIGKILL')
        },
        onBeforeRequest(request) {
          if (request.getMethod() === 'PATCH') sentFrom.push(Number(request.getHeader('Upload-Offset')))
        },
        onAfterResponse(request, response) {
          const offset = Number(response.getHeader('Upload-Offset') ?? -1)
          seen.push({ method: request.getMethod(), status: response.getStatus(), offset })
        },
        onSuccess: () => resolve(),
        onError: reject,
      })
      upload.start()
    })
    expect(new Set(killed.map(({ pid }) => pid)).size).toBe(2)
    expect(seen.filter(({ method }) => method === 'POST')).toHaveLength(1)
    // Each new beginning lies behind the one before; nothing but what was on its way is sent twice.
    const begins = sentFrom.filter((offset, index) => offset !== sentFrom[index - 1])
    expect(begins).toHaveLength(3)
    expect(begins[0]).toBe(0)
    expect(begins[1]).toBeGreaterThan(0.2 * size)
    expect(begins[2]).toBeGreaterThan(0.5 * size)
    // While the upload server was down the client got 423, not an answer that its upload is gone.
    expect(seen.filter(({ status }) => status >= 400 && status !== 423)).toEqual([])

    const confirmed = await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })
    expect(confirmed.status).toBe(200)
    expect(await target.readSigned('/users/alice/disk.raw')).toMatchObject({ status: 200, size, sha256 })
    expect(readdirSync(join(target.area, 'incoming'))).toEqual([])
  }, 170_000)
})

/** Bytes that nothing can compress or mistake for each other, from a fixed key; their SHA-256. */
function writeNoise(path: string, bytes: number): string {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2))
  const zeros = Buffer.alloc(MiB)
  const hash = createHash('sha256')
  const out = openSync(path, 'w')
  for (let written = 0; written < bytes; written += MiB) {
    const piece = cipher.update(zeros)
    hash.update(piece)
    writeSync(out, piece)
  }
  closeSync(out)
  return hash.digest('hex')
}
