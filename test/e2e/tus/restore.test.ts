/** A backup as docs/single-server.md describes it, copied back to another place: a server there knows what was known before. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

const [kind = 'embedded'] = uploadServerKinds()
const key = 'users/alice/odd.txt'
const body = Buffer.from('of alice')
const checksum = { algorithm: 'SHA256', value: createHash('sha256').update(body).digest('base64') }
const tus = { 'Tus-Resumable': '1.0.0' }

let before: UploadTarget
let after: UploadTarget
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'edge-signer-restored-'))
  before = await startUploadTarget(kind)
  mkdirSync(join(directory, 'content-uploads'))
})
afterAll(async () => {
  await before?.stop()
  await after?.stop()
  rmSync(directory, { recursive: true, force: true })
})

it('keeps types, checksums and used tickets', async () => {
  const ticket = await before.ticket({ key, size: body.length, contentType: 'image/webp', checksum })
  const create = (url: string) =>
    fetch(`${url}/files/`, {
      method: 'POST',
      headers: { ...ticket.headers, 'Upload-Length': String(body.length) },
    })
  const location = String((await create(before.url)).headers.get('location'))
  const octets = { ...tus, 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '0' }
  expect((await fetch(location, { method: 'PATCH', headers: octets, body })).status).toBe(204)
  expect((await before.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })).status).toBe(200)

  const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, join(directory, to)])
  copy(before.emulation.state.directory, 'state')
  for (const name of ['tickets', 'records', 'types']) copy(join(before.area, name), `content-uploads/${name}`)
  copy(before.content, 'content')
  after = await startUploadTarget(kind, {
    content: join(directory, 'content'),
    stateDirectory: join(directory, 'state'),
  })

  const asset = { key, size: body.length, contentType: 'image/webp', checksum }
  expect(await (await after.api(`/assets/${key}`)).json()).toMatchObject(asset)
  expect((await after.readSigned(`/${key}`)).type).toBe('image/webp')
  const again = await create(after.url)
  expect([again.status, JSON.parse(await again.text()).code]).toEqual([410, 'ERR_UPLOAD_USED'])
})
