import { PutObjectCommand } from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { EdgeSignerError } from '../../errors.ts'
import type { Asset, IncomingFile, UploadRequest } from '../asset-store.ts'
import { isPublic } from '../object-key.ts'
import { formatUpload, parseUpload, type Upload } from '../upload.ts'
import { copyObject } from './copy.ts'
import { checksumOf, describeAsset, headObject, uploadIdMetadata } from './describe.ts'
import { writeAt } from './ended.ts'
import { unless, withFaults } from './faults.ts'
import { incomingName, objectName, type S3Location } from './location.ts'
import { presignedEnd, presignPut } from './presign.ts'

/**
 * Name of the user metadata that holds the declaration. It is signed into the request, and S3 takes no `x-amz-` header that
 * is not: its value in the object is what this service allowed. So publishing needs no key.
 */
const declarationMetadata = 'upload'

/** `Cache-Control` of a public file: a day, as its URL is meant for its content. */
export const publicCacheControl = 'public, max-age=86400'

/** A presigned PUT to the incoming area. `If-None-Match` lets it succeed once. */
export async function receivePut(
  location: S3Location,
  upload: Upload,
  ttl: number,
  now: number,
): Promise<UploadRequest> {
  const record = formatUpload(upload)
  const { checksum } = upload
  const expiresAt = await presignedEnd(location.client, ttl, now)
  const command = new PutObjectCommand({
    Bucket: location.bucket,
    Key: incomingName(location, upload.id),
    ContentLength: requireSize(upload),
    ContentType: upload.contentType,
    IfNoneMatch: '*',
    Metadata: { [declarationMetadata]: record },
    ...(checksum === undefined ? {} : { [`Checksum${checksum.algorithm}`]: checksum.value }),
  })
  const checksumHeader = checksum && { [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value }
  return {
    method: 'PUT',
    url: await presignPut(location, command, expiresAt, now),
    headers: {
      'content-type': upload.contentType,
      'if-none-match': '*',
      [`x-amz-meta-${declarationMetadata}`]: record,
      ...checksumHeader,
    },
    expiresAt,
  }
}

/**
 * A POST policy to the incoming area: key, type, metadata and a range of lengths are bound. S3's forms have no
 * `If-None-Match`, so it can be used again until it ends; publishing copies only what it has verified (by ETag).
 */
export async function receivePost(
  location: S3Location,
  upload: Upload,
  ttl: number,
  now: number,
): Promise<UploadRequest> {
  const expiresAt = await presignedEnd(location.client, ttl, now)
  const bound = {
    'Content-Type': upload.contentType,
    [`x-amz-meta-${declarationMetadata}`]: formatUpload(upload),
  }
  const least = upload.size ?? 0
  const most = upload.size ?? upload.maxBytes
  const { url, fields } = await withFaults(
    createPresignedPost(location.client, {
      Bucket: location.bucket,
      Key: incomingName(location, upload.id),
      Fields: bound,
      Conditions: [['content-length-range', least, most]],
      Expires: expiresAt - now,
    }),
  )
  return { method: 'POST', url, headers: {}, fields, expiresAt }
}

/** Returns the arrived bytes. An object that this service never declared counts as absent. */
export async function readIncoming(location: S3Location, id: string): Promise<IncomingFile | undefined> {
  const head = await headObject(location, incomingName(location, id))
  const record = head?.Metadata?.[declarationMetadata]
  if (head === undefined || record === undefined) return undefined
  return {
    etag: head.ETag ?? '',
    arrivedAt: Math.floor((head.LastModified?.getTime() ?? 0) / 1000),
    size: head.ContentLength ?? 0,
    contentType: head.ContentType ?? '',
    checksum: checksumOf(head),
    declared: parseUpload(record),
  }
}

/** Copies a verified incoming file to its key, with the service's metadata in place of the uploader's. */
export async function publishObject(location: S3Location, file: IncomingFile): Promise<Asset | undefined> {
  const upload = file.declared
  const copy = {
    from: incomingName(location, upload.id),
    to: objectName(location, upload.key),
    source: { ETag: file.etag, ContentLength: file.size, $metadata: {} },
    headers: objectHeaders(upload),
  }
  const copied = await unless(
    'ERR_ASSET_NOT_FOUND',
    writeAt(location, copy.to, upload.overwrite, (condition) => copyObject(location, copy, condition)).then(() => true),
  )
  return copied === undefined ? undefined : await describeAsset(location, upload.key)
}

/** Type, caching and the upload's id, as they stand on a published object. */
export function objectHeaders(upload: Upload) {
  return {
    ContentType: upload.contentType,
    Metadata: { [uploadIdMetadata]: upload.id },
    ...(isPublic(upload.key) ? { CacheControl: publicCacheControl } : {}),
  }
}

function requireSize(upload: Upload): number {
  if (upload.size === undefined) throw new EdgeSignerError('ERR_INTERNAL', 'a presigned PUT needs a declared size')
  return upload.size
}
