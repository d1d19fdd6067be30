import { parseChecksum } from '../assets/checksum.ts'
import { parseContentType } from '../assets/content-type.ts'
import { parseObjectKey } from '../assets/object-key.ts'
import { AssetError } from '../errors.ts'
import type { Upload, UploadProtocol } from './upload.ts'

/**
 * One upload as one short text: its fields, one a line, in base64url. No field can hold a line feed (each comes from a
 * parser or is encoded), so no field can run into the next one. It has to fit the 2 KB of an S3 object's metadata beside a
 * key of 1,024 bytes, which JSON with its escapes would not.
 */
const version = '2'
const protocols: readonly UploadProtocol[] = ['put', 'multipart', 'tus']

/** Writes an upload; the inverse of `parseUploadRecord`. */
export function formatUploadRecord(upload: Upload): string {
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
    upload.mostBytes,
    upload.depth,
    upload.storeId === undefined ? '' : encodeURIComponent(upload.storeId),
    upload.owner,
  ]
  return Buffer.from(fields.join('\n'), 'utf8').toString('base64url')
}

/**
 * Reads what `formatUploadRecord` wrote.
 *
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND` for anything else.
 */
export function parseUploadRecord(text: string): Upload {
  const fields = Buffer.from(text, 'base64url').toString('utf8').split('\n')
  const [, id = '', protocol, key = '', size = '', contentType = '', checksum = '', overwrite] = fields
  const [issuedAt = '', expiresAt = '', mostBytes = '', depth = '', storeId = '', owner = ''] = fields.slice(8)
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
      mostBytes: wholeNumber(mostBytes),
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
