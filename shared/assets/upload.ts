import { AssetError } from '../errors.ts'
import { parseContentType } from './limits.ts'
import { type ObjectKey, parseObjectKey } from './object-key.ts'

/** How the bytes travel: one signed request, parts, or the tus protocol. */
export type UploadProtocol = 'put' | 'multipart' | 'tus'

/** Epoch seconds until which a ticket can begin its upload, where the upload itself may then go on: tus. */
export function beginUntil({ issuedAt, expiresAt }: Upload, ticketSeconds: number): number {
  return Math.min(issuedAt + ticketSeconds, expiresAt)
}

/**
 * An upload as it was declared and allowed: what every later step is compared with. It leaves the service only under a
 * signature, its own (`upload-token.ts`) or that of S3 (the metadata of a signed request).
 */
export interface Upload {
  /** 128 random bits in base64url. */
  readonly id: string
  readonly protocol: UploadProtocol
  /** Owner of the session that requested it: `ownerOf(sub)`. */
  readonly owner: string
  readonly key: ObjectKey
  /** Bytes; `undefined` where the client could not say (Uppy does not), then only limits hold. */
  readonly size: number | undefined
  readonly contentType: string
  readonly checksum: Checksum | undefined
  readonly overwrite: boolean
  /** Epoch seconds; when it was allowed, or the earlier time of the revocation state that allowed it (`stampTime`). */
  readonly issuedAt: number
  /** Epoch seconds; nothing can be completed or confirmed after. */
  readonly expiresAt: number
  /** The most bytes that this upload may have: what was left of the limits when it was allowed. */
  readonly maxBytes: number
  /** The number of leading segments of the key that are the granted prefix: the quota counts below them. */
  readonly depth: number
  /** The store's own id of a multipart upload. */
  readonly storeId: string | undefined
}

/**
 * One upload as one short text: its fields, one a line, in base64url. No field can hold a line feed (each comes from a
 * parser or is encoded), so no field can run into the next one. It has to fit the 2 KB of an S3 object's metadata beside a
 * key of 1,024 bytes, which JSON with its escapes would not.
 */
const version = '2'
const protocols: readonly UploadProtocol[] = ['put', 'multipart', 'tus']

/** Writes an upload; the inverse of `parseUpload`. */
export function formatUpload(upload: Upload): string {
  const fields = [
    version,
    upload.id,
    upload.protocol,
    upload.key,
    upload.size ?? '',
    upload.contentType,
    upload.checksum === undefined ? '' : `${upload.checksum.algorithm}:${upload.checksum.value}`,
    upload.overwrite ? '1' : '0',
    upload.issuedAt,
    upload.expiresAt,
    upload.maxBytes,
    upload.depth,
    upload.storeId === undefined ? '' : encodeURIComponent(upload.storeId),
    upload.owner,
  ]
  return Buffer.from(fields.join('\n'), 'utf8').toString('base64url')
}

/**
 * Reads what `formatUpload` wrote.
 *
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND` for anything else.
 */
export function parseUpload(text: string): Upload {
  const fields = Buffer.from(text, 'base64url').toString('utf8').split('\n')
  const [, id = '', protocol, key = '', size = '', contentType = '', checksum = '', overwrite] = fields
  const [issuedAt = '', expiresAt = '', maxBytes = '', depth = '', storeId = '', owner = ''] = fields.slice(8)
  const known = protocols.find((name) => name === protocol)
  if (
    fields.length !== 14 ||
    fields[0] !== version ||
    known === undefined ||
    !/^[\w-]{22}$/.test(id) ||
    !/^[\w-]{43}$/.test(owner)
  )
    throw unknown()
  try {
    return {
      id,
      protocol: known,
      owner,
      key: parseObjectKey(key),
      size: size === '' ? undefined : wholeNumber(size),
      contentType: parseContentType(contentType),
      checksum: checksum === '' ? undefined : parseChecksum(checksum.split(':')[0] ?? '', checksum.split(':')[1] ?? ''),
      overwrite: overwrite === '1',
      issuedAt: wholeNumber(issuedAt),
      expiresAt: wholeNumber(expiresAt),
      maxBytes: wholeNumber(maxBytes),
      depth: wholeNumber(depth),
      storeId: storeId === '' ? undefined : decodeURIComponent(storeId),
    }
  } catch {
    throw unknown()
  }
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw unknown()
  return value
}

function unknown(): AssetError {
  return new AssetError('ERR_UPLOAD_NOT_FOUND')
}

/** The checksums that S3 verifies for the whole object in one request (`x-amz-checksum-…`). */
export type ChecksumAlgorithm = 'SHA256' | 'CRC64NVME'

/** A checksum of the whole file; `value` is base64 of the big-endian bytes, as in S3's headers. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm
  readonly value: string
}

const byteLengths: Readonly<Record<ChecksumAlgorithm, number>> = { SHA256: 32, CRC64NVME: 8 }

/**
 * Parses a checksum from outside: canonical base64 of exactly the algorithm's bytes.
 *
 * @throws AssetError `ERR_CHECKSUM`.
 */
export function parseChecksum(algorithm: string, value: string): Checksum {
  if (algorithm !== 'SHA256' && algorithm !== 'CRC64NVME') throw new AssetError('ERR_CHECKSUM')
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== byteLengths[algorithm] || bytes.toString('base64') !== value)
    throw new AssetError('ERR_CHECKSUM')
  return { algorithm, value }
}
