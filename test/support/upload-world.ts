import { randomBytes } from 'node:crypto'
import { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { type ObjectCreatedEvent, publishEvent, sweepIncoming } from '../../functions/publish/create-handler.ts'
import type { Asset, AssetStore } from '../../shared/assets/asset-store.ts'
import { listIncoming } from '../../shared/assets/s3/list.ts'
import { incomingName, type S3Location } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import { formatUpload, type Upload } from '../../shared/assets/upload.ts'
import { ServiceError } from '../../shared/errors.ts'
import { completeUpload } from '../../shared/uploads/multipart.ts'
import { confirmUpload, type PublishDependencies } from '../../shared/uploads/publish.ts'
import { uploadOf } from '../contract/store-under-test.ts'
import { createMemoryS3, type MemoryS3 } from './memory-s3.ts'

/** How a step ends that is not to end well: the calling process is gone, or the answer is lost on the way (the command may have run). */
export type Failure = 'crash' | 'outage'

/** The deployed functions around one bucket in memory, with crashes and calls in between where a test wants them. */
export interface UploadWorld {
  readonly s3: MemoryS3
  readonly store: AssetStore
  readonly options: PublishDependencies
  /** Invalidated paths. */
  readonly invalidated: string[]
  /** An upload whose bytes have arrived. */
  arrive(key: string, text: string, changes?: Partial<Upload>): Promise<Upload>
  /** A multipart upload of one part. */
  begin(key: string, text: string, changes?: Partial<Upload>): Promise<Upload>
  event(upload: Upload): Promise<unknown>
  sweep(): Promise<unknown>
  confirm(upload: Upload): Promise<Asset>
  complete(upload: Upload): Promise<Asset>
  textAt(key: string): string | undefined
  /**
   * Runs something and does something else at one of its steps, counted from 0; a step is before or after a command of S3.
   *
   * @returns whether there was such a step.
   */
  at(step: number, work: () => Promise<unknown>, other: Failure | (() => Promise<void>)): Promise<boolean>
}

/** An empty bucket. Time stands still unless `s3.now` is changed. */
export function createUploadWorld(quotaBytes: number | null = null): UploadWorld {
  const s3 = createMemoryS3()
  s3.now = () => 1_800_000_000_000
  const now = () => Math.floor(s3.now() / 1000)
  const location: S3Location = { client: s3.client, bucket: s3.bucket, keyPrefix: '', conditionalCopy: 'native' }
  const store = createS3Store({ ...location, ticketSeconds: 600 })
  const invalidated: string[] = []
  const cdn = { invalidate: async (paths: readonly string[]) => void invalidated.push(...paths) }
  const options: PublishDependencies = { store, cdn, quotaBytes, isRevoked: async () => false }
  const times = () => ({ issuedAt: now(), expiresAt: now() + 600 })
  return {
    s3,
    store,
    options,
    invalidated,
    async arrive(key, text, changes = {}) {
      const body = Buffer.from(text)
      const upload = uploadOf(key, body, { ...times(), ...changes })
      // As the presigned request does; the contract suite sends one.
      const command = new PutObjectCommand({
        Bucket: s3.bucket,
        Key: incomingName(location, upload.id),
        Body: body,
        ContentType: upload.contentType,
        Metadata: { upload: formatUpload(upload) },
        ChecksumSHA256: upload.checksum?.value,
      })
      await s3.client.send(command)
      return upload
    },
    async begin(key, text, changes = {}) {
      const body = Buffer.from(text)
      const declared = uploadOf(key, body, { ...times(), protocol: 'multipart', checksum: undefined, ...changes })
      const upload = { ...declared, storeId: (await store.multipart?.begin(declared)) as string }
      const part = { Bucket: s3.bucket, Key: upload.key, UploadId: upload.storeId, PartNumber: 1, Body: body }
      await s3.client.send(new UploadPartCommand(part))
      return upload
    },
    event: ({ id }) => {
      const event: ObjectCreatedEvent = { detail: { object: { key: `_incoming/${id}` } } }
      return publishEvent(event, '', options)
    },
    sweep: () =>
      sweepIncoming({
        ...options,
        list: (after) => listIncoming(location, after),
        start: randomBytes(16).toString('base64url'),
        now: now() + 3600,
        hasTime: () => true,
        onFault: (error) => {
          throw error
        },
      }),
    confirm: (upload) => confirmUpload(upload, now(), options),
    complete: (upload) => completeUpload(upload, undefined, now(), { ...options, wait: async () => {} }),
    textAt: (key) => {
      const object = s3.objects.get(key)
      return object && Buffer.from(object.body).toString()
    },
    async at(step, work, other) {
      let count = 0
      let isReached = false
      let crash = () => {}
      const crashed = new Promise<void>((resolve) => {
        crash = resolve
      })
      s3.onStep = async () => {
        if (isReached || count++ !== step) return
        isReached = true
        if (typeof other === 'function') return other()
        if (other === 'outage') throw Object.assign(new Error('the answer was lost'), { name: 'TimeoutError' })
        crash()
        // Nothing of the process goes on.
        await new Promise(() => {})
      }
      const done = work().catch((error: unknown) => {
        if (other !== 'outage' || !(error instanceof ServiceError)) throw error
      })
      await Promise.race([done, crashed])
      s3.onStep = () => {}
      return isReached
    },
  }
}
