import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { ServiceError } from '../../errors.ts'
import { revocationStateKey } from '../state.ts'
import type { StateObject } from '../stores.ts'

/**
 * The state object in a bucket, written conditionally on the version that was read.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function createS3State(
  client: S3Client,
  Bucket: string,
  options: { readonly abortSignal?: AbortSignal } = {},
): StateObject {
  const Key = revocationStateKey
  return {
    async load() {
      try {
        const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket, Key }), options)
        if (Body === undefined || ETag === undefined) throw new ServiceError('ERR_STATE_UNAVAILABLE')
        return { json: await Body.transformToString(), version: ETag }
      } catch (error) {
        // Without s3:ListBucket S3 says 403 for what is not there; so whoever writes the state has that permission.
        if (error instanceof Error && error.name === 'NoSuchKey') return undefined
        throw error
      }
    },
    async save(Body, version) {
      const condition = version === undefined ? { IfNoneMatch: '*' } : { IfMatch: version }
      try {
        const command = new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json', ...condition })
        await client.send(command, options)
        return 'saved'
      } catch (error) {
        const refusals = ['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']
        if (error instanceof Error && refusals.includes(error.name)) return 'changed-meanwhile'
        throw error
      }
    },
  }
}
