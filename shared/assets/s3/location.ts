import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { maxKeyBytes } from '../limits.ts'
import type { KeyPrefix, ObjectKey } from '../object-key.ts'

/** A bucket, or the part of one below a key prefix. */
export interface S3Location {
  /** Made with `s3ClientDefaults`, for the bucket's own Region. */
  readonly client: S3Client
  readonly bucket: string
  /** Empty, or segments that each end in `/`. */
  readonly keyPrefix: string
  /**
   * How a copy refuses to overwrite. `native`: `If-None-Match` on CopyObject, as S3 has it. `multipart`: through
   * a conditional CompleteMultipartUpload, for S3-compatible servers that ignore the header on a copy; the ETag and
   * the checksum of the copy are then those of a multipart object.
   */
  readonly conditionalCopy: 'native' | 'multipart'
}

/**
 * Settings that every S3 client here needs. Without them the SDK adds the CRC32 of an empty body to presigned URLs, and
 * uploads fail.
 */
export const s3ClientDefaults = {
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
} as const satisfies S3ClientConfig

/** The object's name in the bucket. */
export function objectName(location: S3Location, key: ObjectKey | KeyPrefix): string {
  return location.keyPrefix + key
}

/** Object key at which an upload arrives; no behaviour of the CDN serves it. */
export function incomingName(location: S3Location, id: string): string {
  return `${location.keyPrefix}_incoming/${id}`
}

/**
 * Object key that records the end of an upload. Not in the incoming area: each object there is an event, and the hourly sweep
 * looks at all of them.
 */
export function endedName(id: string): string {
  return `_state/ended/${id}`
}

/** Returns whether a text has the form of an upload's id. */
export function isUploadId(id: string): boolean {
  return /^[\w-]{22}$/.test(id)
}

/** The id of the upload that an object is, by its name; what is not exactly an upload's name is not ours. */
export function incomingId({ keyPrefix }: Pick<S3Location, 'keyPrefix'>, name: string): string | undefined {
  const folder = `${keyPrefix}_incoming/`
  const id = name.slice(folder.length)
  return name.startsWith(folder) && isUploadId(id) ? id : undefined
}

/** Max length of a key that fits behind the prefix, in bytes. */
export function maxKeyLengthIn(location: S3Location): number {
  return maxKeyBytes - location.keyPrefix.length
}

/** `CopySource`: the bucket and the encoded name. */
export function copySource(location: S3Location, name: string): string {
  return `${location.bucket}/${name.split('/').map(encodeURIComponent).join('/')}`
}
