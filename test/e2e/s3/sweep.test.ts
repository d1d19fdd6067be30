/** The publish function on a real S3 server: what events did not publish, the hourly rule does. */
import { randomBytes } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPublishHandler } from '../../../functions/publish/create-handler.ts'
import type { AssetStore } from '../../../shared/assets/asset-store.ts'
import { listIncoming } from '../../../shared/assets/s3/list.ts'
import type { S3Location } from '../../../shared/assets/s3/location.ts'
import { createS3Store } from '../../../shared/assets/s3/store.ts'
import type { Upload } from '../../../shared/assets/upload.ts'
import { uploadOf } from '../../contract/store-under-test.ts'
import { deliverRequest } from '../../support/deliver.ts'
import { describeOnS3 } from '../../support/describe-on-s3.ts'
import { type S3Server, startS3Server } from '../../support/s3-server.ts'

const now = () => Math.floor(Date.now() / 1000)
const body = Buffer.from('content')
const context = { getRemainingTimeInMillis: () => 60_000 }
let server: S3Server
let location: S3Location
let store: AssetStore
let logged: Readonly<Record<string, unknown>>[] = []
let count = 0

beforeAll(async () => {
  server = await startS3Server()
  location = { client: server.client, bucket: server.bucket, keyPrefix: 'p/', conditionalCopy: 'native' }
  store = createS3Store({ ...location, ticketSeconds: 600 })
})
afterAll(() => server?.stop())

/** The function, with a clock that is an hour ahead of what arrives: everything has waited for its event long enough. */
function publishFunction(over: AssetStore = store) {
  logged = []
  return createPublishHandler({
    options: { store: over, cdn: { invalidate: async () => {} }, quotaBytes: null, isRevoked: async () => false },
    keyPrefix: 'p/',
    stageName: 'svc-test',
    list: (after) => listIncoming(location, after, 2),
    nowMs: () => Date.now() + 3_600_000,
    newId: () => randomBytes(16).toString('base64url'),
    log: (entry) => logged.push(entry),
  })
}

async function arrived(changes: Partial<Upload> = {}): Promise<Upload> {
  const upload = uploadOf(`users/sweep/${++count}.txt`, body, changes)
  expect(await deliverRequest(await store.receive(upload, now()), body)).toBe(200)
  return upload
}

/** Something in the incoming area that this service never declared. */
const strange = (name: string) =>
  new PutObjectCommand({ Bucket: server.bucket, Key: `p/_incoming/${name}`, Body: body, Metadata: { upload: 'x' } })

const sweep = () => publishFunction()({ source: 'aws.events' }, context)

describeOnS3('the publish function', () => {
  it('publishes by its event, and once', async () => {
    const upload = await arrived()
    const event = { source: 'aws.s3', detail: { object: { key: `p/_incoming/${upload.id}` } } }
    const handler = publishFunction()
    await handler(event, context)
    await handler(event, context)
    expect((await store.describe(upload.key))?.uploadId).toBe(upload.id)
    expect(logged).toMatchObject([
      { outcome: 'published', UploadsPublished: 1 },
      { level: 'info', outcome: 'nothing-to-do' },
    ])
    expect(logged[1]).not.toHaveProperty('_aws')
  })

  it('publishes each hour what no event has, also after its ticket’s end, over several pages, and counts it', async () => {
    const uploads = []
    for (let i = 0; i < 5; i++) uploads.push(await arrived({ expiresAt: now() + 1 }))
    await sweep()
    for (const { id, key } of uploads) {
      expect((await store.describe(key))?.uploadId).toBe(id)
      expect(await store.incoming(id)).toBeUndefined()
    }
    expect(logged).toMatchObject([
      { message: 'swept', published: 5, refused: 0, isComplete: true, UploadsRecovered: 5 },
    ])
    await sweep()
    expect(logged).toMatchObject([{ published: 0, refused: 0 }])
    expect(logged[0]).not.toHaveProperty('_aws')
  })

  it('leaves a refused upload where it is, and counts no fault', async () => {
    const taken = await arrived()
    await store.save(taken.key, Buffer.from('was faster'), 'text/plain', { overwrite: false })
    await server.client.send(strange('not-an-upload'))
    await server.client.send(strange('x'.repeat(22)))
    const free = await arrived()
    await sweep()
    expect(logged).toMatchObject([{ published: 1, refused: 2, faults: 0 }])
    expect((await store.describe(taken.key))?.size).toBe(10)
    expect(await store.incoming(taken.id)).toBeDefined()
    expect((await store.describe(free.key))?.uploadId).toBe(free.id)
    for (const id of [taken.id, 'x'.repeat(22)]) await store.end(id, 'dropped')
  })

  it('restores nothing over a newer file', async () => {
    const old = await arrived({ overwrite: true })
    const recent = await arrived({ overwrite: true })
    await store.save(old.key, Buffer.from('newer'), 'text/plain', { overwrite: false })
    await store.save(recent.key, Buffer.from('older'), 'text/plain', { overwrite: false })
    // As if they had arrived a minute before and a minute after what is at their keys.
    const shifted = { [old.id]: -60, [recent.id]: 60 }
    const incoming: AssetStore['incoming'] = async (id) => {
      const file = await store.incoming(id)
      return file && { ...file, arrivedAt: file.arrivedAt + (shifted[id] ?? 0) }
    }
    await publishFunction({ ...store, incoming })({ source: 'aws.events' }, context)
    expect((await store.describe(old.key))?.size).toBe(5)
    expect((await store.describe(recent.key))?.uploadId).toBe(recent.id)
    expect(logged).toMatchObject([{ published: 1, refused: 1 }])
  })
})
