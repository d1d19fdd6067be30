import { GetObjectCommand } from '@aws-sdk/client-s3'
import { attachmentNamed } from '../download-name.ts'
import type { PresignDownload } from '../download-urls.ts'
import { presignedEnd } from './credential-end.ts'
import { objectName, type S3Location } from './location.ts'
import { presignGet } from './presign.ts'

/** Presigned GetObject URLs, which end no later than the credentials that sign them. */
export function createS3Presign(location: S3Location): PresignDownload {
  return async ({ key, fileName }, ttl, now) => {
    const expiresAt = await presignedEnd(location.client, ttl, now)
    const command = new GetObjectCommand({
      Bucket: location.bucket,
      Key: objectName(location, key),
      ...(fileName === undefined ? {} : { ResponseContentDisposition: attachmentNamed(fileName) }),
    })
    return { url: await presignGet(location, command, expiresAt, now), expiresAt }
  }
}
