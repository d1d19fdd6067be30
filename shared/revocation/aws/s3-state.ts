import type { S3Client } from '@aws-sdk/client-s3'
import { revocationStateKey } from '../state.ts'
import { createS3Object, type S3Object } from './s3-object.ts'

/** The state object in a bucket. */
export function createS3State(
  client: S3Client,
  Bucket: string,
  options: { readonly abortSignal?: AbortSignal } = {},
): S3Object {
  return createS3Object(client, { Bucket, Key: revocationStateKey, ContentType: 'application/json' }, options)
}
