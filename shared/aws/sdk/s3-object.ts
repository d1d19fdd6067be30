import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { ServiceError } from '../../errors.ts'
import { revocationStateKey } from '../../revocation/state.ts'
import type { StateObject } from '../../revocation/stores.ts'

/** A state object that its creator can also remove. */
export interface S3Object extends StateObject {
  /** Removes it, unless its version is no longer `version`. */
  remove(version: string): Promise<'removed' | 'changed-meanwhile'>
}

/** Which object, and what it holds. */
export interface S3ObjectAddress {
  readonly Bucket: string
  readonly Key: string
  readonly ContentType: string
}

/** S3's words for a condition that did not hold. */
const refusals = ['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']

/**
 * A small object in a bucket, written and removed conditionally on the version that was read.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
 */
export function createS3Object(
  client: S3Client,
  { Bucket, Key, ContentType }: S3ObjectAddress,
  options: { readonly abortSignal?: AbortSignal } = {},
): S3Object {
  return {
    async load() {
      try {
        const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket, Key }), options)
        if (Body === undefined || ETag === undefined) throw new ServiceError('ERR_STATE_UNAVAILABLE')
        return { json: await Body.transformToString(), version: ETag }
      } catch (error) {
        // Without s3:ListBucket S3 says 403 for what is not there; so each writer of the object has that permission.
        if (error instanceof Error && error.name === 'NoSuchKey') return undefined
        throw error
      }
    },
    async save(Body, version) {
      const condition = version === undefined ? { IfNoneMatch: '*' } : { IfMatch: version }
      const command = new PutObjectCommand({ Bucket, Key, Body, ContentType, ...condition })
      return (await isRefused(client.send(command, options))) ? 'changed-meanwhile' : 'saved'
    },
    async remove(IfMatch) {
      const command = new DeleteObjectCommand({ Bucket, Key, IfMatch })
      return (await isRefused(client.send(command, options))) ? 'changed-meanwhile' : 'removed'
    },
  }
}

async function isRefused(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer
    return false
  } catch (error) {
    if (error instanceof Error && refusals.includes(error.name)) return true
    throw error
  }
}

/** The state object in a bucket. */
export function createS3State(
  client: S3Client,
  Bucket: string,
  options: { readonly abortSignal?: AbortSignal } = {},
): S3Object {
  return createS3Object(client, { Bucket, Key: revocationStateKey, ContentType: 'application/json' }, options)
}

/**
 * The text of the state. Every deploy makes the state, so one that is missing is a fault and never "nothing revoked".
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function loadStateText(state: StateObject): Promise<string> {
  const loaded = await state.load().catch((cause: unknown) => {
    throw new ServiceError('ERR_STATE_UNAVAILABLE', 'S3 gave no revocation state', { cause })
  })
  if (loaded !== undefined) return loaded.json
  throw new ServiceError(
    'ERR_STATE_UNAVAILABLE',
    'the revocation state is missing: run edge-signer repair, or deploy again',
  )
}
