import { AssetError } from '../errors.ts'

/**
 * Limits of S3, and the part size that fits a file into them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
 */

const MiB = 1024 ** 2
const GiB = 1024 ** 3

/** The most parts of one multipart upload. */
export const maxParts = 10_000
/** The smallest part but the last, in bytes. */
export const minPartBytes = 5 * MiB
/** The largest part, in bytes. */
export const maxPartBytes = 5 * GiB
/** The largest object: 10,000 parts of 5 GiB, about 48.8 TiB. */
export const maxObjectBytes = maxParts * maxPartBytes
/** Up to here a file is one request; above, parts. Uppy draws the line at the same size. */
export const maxSingleBytes = 100 * MiB
/** Max length of an object key, in bytes of UTF-8. */
export const maxKeyBytes = 1024
/** Max bytes that `CopyObject` copies in one request. */
export const maxCopyBytes = 5 * GiB

/**
 * The size of every part but the last, in bytes: 8 MiB, or as many whole MiB as keep the upload at 10,000 parts.
 *
 * @param size of the whole file, 1 to `maxObjectBytes`.
 */
export function partSizeFor(size: number): number {
  return Math.max(8 * MiB, Math.ceil(size / maxParts / MiB) * MiB)
}

/** The number of parts of a file; an empty file is one empty part. */
export function partCount(size: number, partSize: number): number {
  return Math.max(1, Math.ceil(size / partSize))
}

/** The length of part `number` (from 1) in bytes, or `undefined` where the file has no such part. */
export function partLength(size: number, partSize: number, number: number): number | undefined {
  const count = partCount(size, partSize)
  if (!Number.isInteger(number) || number < 1 || number > count) return undefined
  return number < count ? partSize : size - (count - 1) * partSize
}

// RFC 9110 section 8.3.1: media-type = type "/" subtype parameters; parameter = token "=" ( token / quoted-string ).
const token = "[!#$%&'+.^_`|~0-9A-Za-z-]+"
const quoted = '"[ !#-\\[\\]-~]*"'
const mediaType = new RegExp(`^${token}/${token}(?: ?; ?${token}=(?:${token}|${quoted}))*$`)

/** Max length of a content type: it travels in the metadata of an upload, which S3 limits to 2 KB. */
const maxTypeLength = 128

/** The type of a file about which nothing is known (RFC 2046 section 4.5.1). */
export const anyContentType = 'application/octet-stream'

/**
 * Parses a `Content-Type` from outside; type and subtype come back in lower case. No `*`: that is a range, not a type.
 *
 * @throws AssetError `ERR_CONTENT_TYPE`.
 */
export function parseContentType(value: string): string {
  if (value.length > maxTypeLength || !mediaType.test(value)) throw new AssetError('ERR_CONTENT_TYPE')
  const end = value.indexOf(';')
  return end < 0 ? value.toLowerCase() : value.slice(0, end).toLowerCase() + value.slice(end)
}
