/** What a copy asks S3 for. The server of these tests ignores `If-None-Match` on CopyObject, so what is sent is looked at. */
import { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { parseObjectKey } from '../../../shared/assets/object-key.ts'
import { s3ClientDefaults } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import { publishIncoming } from '../../../shared/uploads/publish.ts'
import { codeOf, uploadOf } from '../../contract/asset-store.suite.ts'
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
/** Run before each CopyObject is sent. */
let beforeCopy: () => Promise<unknown> = async () => {}

beforeAll(async () => {
  server = await startS3Server()
  const { endpoint, region, credentials, bucket } = server
  const client = new S3Client({ ...s3ClientDefaults, endpoint, region, credentials, forcePathStyle: true })
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName === 'CopyObjectCommand') {
        copies.push((args.request as { headers: Record<string, string> }).headers)
        await beforeCopy()
      }
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low' },
  )
  store = createS3Store({ client, bucket, keyPrefix: '', conditionalCopy: 'native', ticketSeconds: 600 })
  await store.save(from, body, 'text/plain', { overwrite: false })
})
afterAll(() => server?.stop())
beforeEach(() => {
  copies = []
  beforeCopy = async () => {}
})

describeOnS3('a copy', () => {
  it('sends both conditions: nothing at the target, the source as it was read', async () => {
    const { etag } = await store.copy(from, parseObjectKey('users/alice/to'), { overwrite: false })
    expect(copies).toHaveLength(1)
    expect(copies[0]).toMatchObject({ 'if-none-match': '*', 'x-amz-copy-source-if-match': etag })
  })

  it('leaves the first one out only where it may overwrite', async () => {
    await store.copy(from, parseObjectKey('users/alice/to'), { overwrite: true })
    expect(copies[0]).not.toHaveProperty('if-none-match')
    expect(copies[0]).toHaveProperty('x-amz-copy-source-if-match')
  })

  it('publishes the bytes that were verified, not those that came after', async () => {
    const upload = uploadOf('users/alice/published', body, { size: undefined, checksum: undefined, mostBytes: 100 })
    if (store.receiveForm === undefined) throw new Error('the S3 store has forms')
    const form = await store.receiveForm(upload, now())
    expect(await deliverRequest(form, body)).toBe(204)
    // A POST policy can be used again: here between the check and the copy.
    beforeCopy = () => deliverRequest(form, Buffer.from('other bytes'))
    const cdn = { invalidate: async () => {} }
    expect(await publishIncoming(upload.id, { store, cdn, quotaBytes: null })).toBeUndefined()
    expect(await store.describe(upload.key)).toBeUndefined()
    beforeCopy = async () => {}
    expect(await publishIncoming(upload.id, { store, cdn, quotaBytes: null })).toMatchObject({ size: 11 })
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
