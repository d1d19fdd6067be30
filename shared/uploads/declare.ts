import { parseChecksum } from '../assets/checksum.ts'
import { parseContentType } from '../assets/content-type.ts'
import { mostObjectBytes, mostSingleBytes } from '../assets/limits.ts'
import { parseObjectKey } from '../assets/object-key.ts'
import { AssetError } from '../errors.ts'
import type { Upload } from './upload.ts'

/** What a client says about a file before it sends it. Everything in it is unverified. */
export interface UnverifiedDeclaration {
  readonly key: string
  /** Bytes; left out by Uppy. */
  readonly size?: number | undefined
  readonly contentType: string
  readonly checksum?: { readonly algorithm: string; readonly value: string } | undefined
  readonly overwrite?: boolean | undefined
}

/** What was declared, parsed. */
export type Declaration = Pick<Upload, 'key' | 'size' | 'contentType' | 'checksum' | 'overwrite'>

/**
 * Parses a declaration.
 *
 * @param limits `maxBytes`, the stage's largest file; `longestKey`, what the store's key prefix leaves of 1,024 bytes.
 * @throws AssetError `ERR_KEY_INVALID`, `ERR_KEY_RESERVED`, `ERR_SIZE`, `ERR_TOO_LARGE`, `ERR_CONTENT_TYPE`, `ERR_CHECKSUM`.
 */
export function parseDeclaration(
  declared: UnverifiedDeclaration,
  limits: { readonly maxBytes: number; readonly longestKey: number },
): Declaration {
  const key = parseObjectKey(declared.key, limits.longestKey)
  const { size } = declared
  if (size !== undefined) {
    if (!Number.isSafeInteger(size) || size < 0) throw new AssetError('ERR_SIZE')
    if (size > Math.min(limits.maxBytes, mostObjectBytes)) throw new AssetError('ERR_TOO_LARGE')
  }
  const contentType = parseContentType(declared.contentType)
  const checksum =
    declared.checksum === undefined ? undefined : parseChecksum(declared.checksum.algorithm, declared.checksum.value)
  // S3 makes SHA-256 of SHA-256s for a multipart object (composite): the file's own could never be compared.
  if (checksum?.algorithm === 'SHA256' && size !== undefined && size > mostSingleBytes) {
    throw new AssetError('ERR_CHECKSUM')
  }
  return { key, size, contentType, checksum, overwrite: declared.overwrite ?? false }
}
