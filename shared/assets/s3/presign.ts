import { GetObjectCommand, type PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl, S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
import { ServiceError } from '../../errors.ts'
import { attachmentNamed } from '../download-name.ts'
import type { PresignDownload } from '../download-urls.ts'
import { withFaults } from './faults.ts'
import { objectName, type S3Location } from './location.ts'

/**
 * Presigns a PutObject. Everything that the command names is bound: length, type, checksum, `If-None-Match` and metadata
 * are signed as headers, so S3 refuses a request that leaves one out or changes it. By default the SDK does not sign the
 * type and moves the others into the query string, where a client could send any value beside them.
 *
 * @param expiresAt epoch seconds.
 */
export function presignPut(location: S3Location, command: PutObjectCommand, expiresAt: number, now: number) {
  return withFaults(
    getSignedUrl(location.client, command, {
      ...validity(expiresAt, now),
      signableHeaders: new Set(['content-type']),
      unhoistableHeaders: new Set([
        'x-amz-checksum-sha256',
        'x-amz-checksum-crc64nvme',
        ...Object.keys(command.input.Metadata ?? {}).map((name) => `x-amz-meta-${name}`),
      ]),
    }),
  )
}

/** Presigns a GetObject. */
function presignGet(location: S3Location, command: GetObjectCommand, expiresAt: number, now: number) {
  return withFaults(getSignedUrl(location.client, command, validity(expiresAt, now)))
}

/** A part to sign: its number, and its length in bytes where that is known. */
export interface PartToSign {
  readonly number: number
  readonly length: number | undefined
}

/**
 * Presigns the parts of one multipart upload. The endpoint is resolved once, by the SDK; the parts differ in two values only.
 */
export async function presignParts(
  location: S3Location,
  upload: { readonly name: string; readonly storeId: string },
  parts: readonly PartToSign[],
  expiresAt: number,
  now: number,
): Promise<string[]> {
  const { client, bucket } = location
  const Key = upload.name
  const command = new UploadPartCommand({ Bucket: bucket, Key, UploadId: upload.storeId, PartNumber: 1 })
  const base = new URL(await withFaults(getSignedUrl(client, command, validity(expiresAt, now))))
  const presigner = new S3RequestPresigner({ ...client.config })
  const common = {
    method: 'PUT',
    protocol: base.protocol,
    hostname: base.hostname,
    ...(base.port === '' ? {} : { port: Number(base.port) }),
    path: base.pathname,
  }
  return withFaults(
    Promise.all(
      parts.map(async ({ number, length }) => {
        const signed = await presigner.presign(
          {
            ...common,
            headers: { host: base.host, ...(length === undefined ? {} : { 'content-length': String(length) }) },
            query: { partNumber: String(number), uploadId: upload.storeId, 'x-id': 'UploadPart' },
          },
          validity(expiresAt, now),
        )
        return formatSignedUrl(base, signed.query ?? {})
      }),
    ),
  )
}

/** S3 counts `X-Amz-Expires` from `X-Amz-Date`, so both are taken from the same `now`. */
function validity(expiresAt: number, now: number) {
  const expiresIn = expiresAt - now
  if (expiresIn < 1) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'the credentials have ended')
  return { expiresIn, signingDate: new Date(now * 1000) }
}

function formatSignedUrl(base: URL, query: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  )
  return `${base.origin}${base.pathname}?${fields.join('&')}`
}

/** Makes presigned GetObject URLs, which expire no later than the credentials that sign them. */
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

/** Max lifetime in seconds of a URL whose temporary credentials have no known end. */
const maxUnknownLifetime = 900

/**
 * Returns when a URL signed now expires, in epoch seconds: after `ttl`, but never after the credentials that sign it. S3 refuses
 * a presigned URL as soon as its credentials have expired, whatever its own `X-Amz-Expires` is.
 *
 * The role credentials of a Lambda function have a session token and no known end, so such a URL lives 15 minutes at most.
 */
export async function presignedEnd(client: S3Client, ttl: number, now: number): Promise<number> {
  const { expiration, sessionToken } = await client.config.credentials()
  if (expiration !== undefined) return Math.min(now + ttl, Math.floor(expiration.getTime() / 1000))
  return now + (sessionToken === undefined ? ttl : Math.min(ttl, maxUnknownLifetime))
}
