/** The quota of a prefix while uploads are under way: it limits what lies on the disk, not only what is published. */
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createUploadHooks } from '../../../server/uploads/upload-hooks.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { uploadOf } from '../../contract/store-under-test.ts'
import { startUploadStage, type UploadStage, uploadServerKinds } from '../../support/upload-stage.ts'

describe.each(uploadServerKinds())('the quota at %s', (kind) => {
  let stage: UploadStage
  beforeEach(async () => {
    stage = await startUploadStage(kind, undefined, { quotaBytes: 100 })
  })
  afterEach(() => stage?.stop())

  const allowed = (key: string, size: number, changes: Partial<Upload> = {}): Upload =>
    uploadOf(key, Buffer.alloc(size), { protocol: 'tus', checksum: undefined, ...changes })
  const create = async (upload: Upload) => {
    const { method, url, headers } = await stage.services.store.receive(upload, 0)
    const answer = await stage.send({ method, url, headers: { ...headers, 'Upload-Length': String(upload.size) } })
    return answer.status === 201 ? 'created' : (JSON.parse(answer.text).code as string)
  }
  const send = (upload: Upload) =>
    stage.send({
      method: 'PATCH',
      url: `/files/${upload.id}`,
      headers: { 'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '0' },
      body: Buffer.alloc(upload.size ?? 0),
    })
  const arriving = () => readdirSync(stage.location.area.incoming).filter((name) => !name.includes('.'))

  it('counts uploads in progress below the prefix, for every owner, and below no other prefix', async () => {
    expect(await create(allowed('users/alice/a', 60))).toBe('created')
    const second = allowed('users/alice/b', 60, { owner: uploadOf('users/x/y', Buffer.alloc(0)).owner })
    expect(await create(second)).toBe('ERR_QUOTA')
    expect(await create(allowed('users/bob/b', 60))).toBe('created')
    expect(await create(allowed('users/alice/c', 40))).toBe('created')
    for (const id of arriving()) await stage.services.store.end(id, 'dropped')
    // The refusal did not use the ticket up.
    expect(await create(second)).toBe('created')
  })

  it('lets one of several concurrent uploads begin', async () => {
    const uploads = Array.from({ length: 5 }, (_, index) => allowed(`users/alice/${index}`, 60))
    const answers = await Promise.all(uploads.map(create))
    expect(answers.sort()).toEqual([...Array(4).fill('ERR_QUOTA'), 'created'])
  })

  it('counts a published file once', async () => {
    const first = allowed('users/alice/a', 60)
    await create(first)
    await send(first)
    await vi.waitUntil(() => arriving().length === 0, 5000)
    expect(await create(allowed('users/alice/b', 41))).toBe('ERR_QUOTA')
    expect(await create(allowed('users/alice/b', 40))).toBe('created')
  })

  it('lets the same user begin the same file again in place of the first try', async () => {
    const first = allowed('users/alice/a', 60)
    expect(await create(first)).toBe('created')
    const others = allowed('users/alice/a', 60, { owner: 'B'.repeat(43) })
    expect(await create(others)).toBe('ERR_QUOTA')
    const again = allowed('users/alice/a', 60)
    expect(await create(again)).toBe('created')
    expect(arriving()).toEqual([again.id])
    expect(await create(first)).toBe('ERR_UPLOAD_USED')
  })

  it('keeps a complete upload over the quota for an hour, then drops it', async () => {
    const upload = allowed('users/alice/a', 60)
    await create(upload)
    mkdirSync(join(stage.location.content, 'users/alice'), { recursive: true })
    const full = join(stage.location.content, 'users/alice/full')
    writeFileSync(full, Buffer.alloc(50))
    await send(upload)
    const file = join(stage.location.area.incoming, upload.id)
    const hooks = createUploadHooks(stage.location, stage.services)
    await hooks.finished(upload.id)
    expect(existsSync(file)).toBe(true)
    const hourAgo = Date.now() / 1000 - 3601
    utimesSync(file, hourAgo, hourAgo)
    await hooks.finished(upload.id)
    expect(arriving()).toEqual([])
    rmSync(full)
    expect(await create(upload)).toBe('ERR_UPLOAD_USED')
  })
})
