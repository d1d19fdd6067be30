/** Requests of a copy to S3. The server of these tests ignores `If-None-Match` on CopyObject, so the request is checked. */
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { parseObjectKey } from '../../../shared/assets/object-key.ts'
import { s3ClientDefaults } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { publishIncoming } from '../../../shared/uploads/publish.ts'
import { codeOf, uploadOf } from '../../contract/store-under-test.ts'
import { deliverRequest } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'

const now = () => Math.floor(Date.now() / 1000)
const body = Buffer.from('content')
const from = parseObjectKey('users/alice/from')
let server: S3Server
let store: AssetStore
/** Headers of each CopyObject. */
let copies: Record<string, string>[] = []
/** Headers of each DeleteObject. */
let deletes: Record<string, string>[] = []
type Step = () => Promise<unknown>
const nothing: Step = async () => {}
/** Run before each CopyObject is sent, after it, and before each DeleteObject. */
let beforeCopy = nothing
let afterCopy = nothing
let beforeDelete = nothing

beforeAll(async () => {
  server = await startS3Server()
  const { endpoint, region, credentials, bucket } = server
  const client = new S3Client({ ...s3ClientDefaults, endpoint, region, credentials, forcePathStyle: true })
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const isCopy = context.commandName === 'CopyObjectCommand'
      const { headers } = args.request as { headers: Record<string, string> }
      if (isCopy) {
        copies.push(headers)
        await beforeCopy()
      } else if (context.commandName === 'DeleteObjectCommand') {
        deletes.push(headers)
        await beforeDelete()
      }
      const answer = await next(args)
      if (isCopy) await afterCopy()
      return answer
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  await store.save(from, body, 'text/plain', { overwrite: false })
})
afterAll(() => server?.stop())
beforeEach(() => {
  copies = []
  deletes = []
  beforeCopy = nothing
  afterCopy = nothing
  beforeDelete = nothing
})

describeOnS3('a copy', () => {
  it('sends both conditions: nothing at the target, the source as it was read', async () => {
    const { etag } = await store.copy(from, parseObjectKey('users/alice/to'), { overwrite: false })
    expect(copies).toHaveLength(1)
    expect(copies[0]).toMatchObject({ 'if-none-match': '*', 'x-amz-copy-source-if-match': etag })
  })

  it('sends the ETag of the target that it saw, if it may overwrite', async () => {
    const there = await store.save(parseObjectKey('users/alice/there'), body, 'text/plain', { overwrite: false })
    await store.copy(from, there.key, { overwrite: true })
    expect(copies[0]).not.toHaveProperty('if-none-match')
    expect(copies[0]).toMatchObject({ 'if-match': there.etag })
    expect(copies[0]).toHaveProperty('x-amz-copy-source-if-match')
  })

  it.each(['native', 'multipart'] as const)('over the border of public/ changes who may keep it (%s)', async (way) => {
    const { client, bucket } = server
    const other = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: way, ticketSeconds: 600 })
    const headOf = async (Key: string) => {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }))
      return [head.CacheControl || undefined, head.ContentType, head.ContentEncoding, head.Metadata?.note]
    }
    const named = (name: string) => parseObjectKey(`${name}-${way}`)
    const source = named('users/alice/page')
    const headers = { ContentType: 'text/css', ContentEncoding: 'gzip', Metadata: { note: 'x' } }
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: source, Body: body, ...headers }))
    const kept = ['text/css', 'gzip', 'x']
    await other.copy(source, named('public/page'), { overwrite: false })
    expect(await headOf(named('public/page'))).toEqual(['public, max-age=86400', ...kept])
    await other.copy(named('public/page'), named('public/same'), { overwrite: false })
    expect(await headOf(named('public/same'))).toEqual(['public, max-age=86400', ...kept])
    await other.move(named('public/page'), named('users/alice/back'), { overwrite: false })
    expect(await headOf(named('users/alice/back'))).toEqual([undefined, ...kept])
  })

  it('publishes the bytes that were verified, not those that came after', async () => {
    const upload = uploadOf('users/alice/published', body, { size: undefined, checksum: undefined, maxBytes: 100 })
    if (store.receiveForm === undefined) throw new Error('the S3 store has forms')
    const form = await store.receiveForm(upload, now())
    expect(await deliverRequest(form, body)).toBe(204)
    // A POST policy can be used again: here between the check and the copy.
    beforeCopy = () => deliverRequest(form, Buffer.from('other bytes'))
    const cdn = { invalidate: async () => {} }
    expect(
      await publishIncoming(upload.id, { store, cdn, quotaBytes: null, isRevoked: async () => false }),
    ).toBeUndefined()
    expect(await store.describe(upload.key)).toBeUndefined()
    beforeCopy = nothing
    expect(
      await publishIncoming(upload.id, { store, cdn, quotaBytes: null, isRevoked: async () => false }),
    ).toMatchObject({ size: 11 })
  })

  it('of a source that vanished meanwhile finds nothing', async () => {
    const source = parseObjectKey('users/alice/vanishing')
    await store.save(source, body, 'text/plain', { overwrite: false })
    beforeCopy = () => store.delete(source)
    const target = parseObjectKey('users/alice/never')
    expect(await codeOf(store.copy(source, target, { overwrite: false }))).toBe('ERR_ASSET_NOT_FOUND')
    expect(await store.describe(target)).toBeUndefined()
  })
})

describeOnS3('a move', () => {
  const to = parseObjectKey('users/alice/moved')
  let source = from
  let count = 0
  beforeEach(async () => {
    source = parseObjectKey(`users/alice/source-${++count}`)
    await store.save(source, body, 'text/plain', { overwrite: false })
  })
  const writeAgain = () => store.save(source, Buffer.from('second version'), 'text/plain', { overwrite: true })
  const move = () => store.move(source, to, { overwrite: true })

  it('deletes the source as it was copied, and asks S3 to compare', async () => {
    const { etag } = (await store.describe(source)) ?? {}
    expect((await move()).size).toBe(body.length)
    expect(await store.describe(source)).toBeUndefined()
    expect(deletes).toMatchObject([{ 'if-match': etag }])
  })

  it('keeps a source that was written after the copy', async () => {
    afterCopy = writeAgain
    expect(await codeOf(move())).toBe('ERR_ASSET_CHANGED')
    expect((await store.describe(source))?.size).toBe(14)
    expect((await store.describe(to))?.size).toBe(body.length)
    expect(deletes).toEqual([])
  })

  it('keeps a file that was written in the last moment: S3 compares', async () => {
    beforeDelete = writeAgain
    expect(await codeOf(move())).toBe('ERR_ASSET_CHANGED')
    expect((await store.describe(source))?.size).toBe(14)
  })

  it('succeeds if the source was deleted meanwhile', async () => {
    afterCopy = async () => {
      afterCopy = nothing
      await store.delete(source)
    }
    expect((await move()).key).toBe(to)
  })
})
