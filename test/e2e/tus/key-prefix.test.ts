/** A stage whose keys lie below a folder of the bucket: what is uploaded there is read, listed and linked like anywhere else. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { send } from '../../support/http-client.ts'
import { uploadServerKinds } from '../../support/upload-stage.ts'
import { startUploadTarget, type UploadTarget } from './upload-target.ts'

const [kind = 'embedded'] = uploadServerKinds()
const key = 'users/alice/odd.txt'
const body = Buffer.from('of alice')

describe('a stage with keyPrefix', () => {
  let target: UploadTarget
  beforeAll(async () => {
    target = await startUploadTarget(kind, { keyPrefix: 'assets/v1/' })
    const ticket = await target.ticket({ key, size: body.length, contentType: 'image/webp' })
    const headers = { ...ticket.headers, 'Upload-Length': String(body.length) }
    const { headers: created } = await fetch(ticket.url, { method: 'POST', headers })
    await fetch(String(created.get('location')), {
      method: 'PATCH',
      headers: { 'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '0' },
      body,
    })
    expect((await target.api(`/uploads/${ticket.uploadId}/confirm`, { json: {} })).status).toBe(200)
  })
  afterAll(() => target?.stop())

  it('keeps files below that folder of the bucket', () => {
    expect(existsSync(join(target.content, 'assets/v1', key))).toBe(true)
    expect(existsSync(join(target.content, 'users'))).toBe(false)
  })

  it('serves them below their keys, as the type that was declared', async () => {
    expect(await target.readSigned(`/${key}`)).toMatchObject({ status: 200, size: body.length, type: 'image/webp' })
  })

  it('describes, lists and links them', async () => {
    expect(await (await target.api(`/assets/${key}`)).json()).toMatchObject({ key, contentType: 'image/webp' })
    const { assets } = (await (await target.api('/assets?prefix=users/alice/')).json()) as { assets: { key: string }[] }
    expect(assets.map((asset) => asset.key)).toEqual([key])
    const { url } = (await (await target.api('/downloads', { json: { key } })).json()) as { url: string }
    const linked = await fetch(url)
    expect([linked.status, await linked.text(), linked.headers.get('content-type')]).toEqual([
      200,
      'of alice',
      'image/webp',
    ])
  })

  it('takes keys that are shorter by it', async () => {
    const ask = (length: number) => {
      const long = `users/alice/${'abcdefghi/'.repeat(102)}`.slice(0, length)
      return target.api('/uploads', { json: { key: long, size: 1, contentType: 'text/plain' } })
    }
    expect([(await ask(1014)).status, (await ask(1015)).status]).toEqual([201, 400])
  })

  it('shows its own pages', async () => {
    const answer = await send(target.url, { path: `/${key}`, headers: { accept: 'text/html' } })
    expect([answer.status, answer.headers['content-type']]).toEqual([403, 'text/html'])
  })

  it('leaves no empty folder but its own', async () => {
    expect((await target.api(`/assets/${key}`, { method: 'DELETE' })).status).toBe(200)
    expect(existsSync(join(target.content, 'assets/v1/users'))).toBe(false)
    expect(existsSync(join(target.content, 'assets/v1'))).toBe(true)
  })
})
