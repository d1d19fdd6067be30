import { type Actor, mayWrite } from '../assets/access.ts'
import { anyContentType, maxObjectBytes, maxSingleBytes, parseContentType } from '../assets/limits.ts'
import { parseObjectKey } from '../assets/object-key.ts'
import { parseChecksum, type Upload } from '../assets/upload.ts'
import { AssetError } from '../errors.ts'
import { objectKeyPrefix } from '../grant/resource-prefix.ts'

/** Claims of a client about a file that it wants to send. All of them are unverified. */
export interface UploadDeclaration {
  readonly key?: string | undefined
  /** In place of a key: `chooseKey` makes a new one. */
  readonly filename?: string | undefined
  readonly visibility?: 'private' | 'public' | undefined
  /** Bytes; absent from Uppy. */
  readonly size?: number | undefined
  /** Absent or empty if the client does not know it: browsers report `''` for a type without a name. */
  readonly contentType?: string | null | undefined
  readonly checksum?: { readonly algorithm: string; readonly value: string } | undefined
  readonly overwrite?: boolean | undefined
  /** Lifetime in seconds of the URL of a one-request upload, or of a resumable upload. Default: the stage's. */
  readonly expiresIn?: number | undefined
}

/** A declaration, parsed. */
export type ParsedDeclaration = Pick<Upload, 'key' | 'size' | 'contentType' | 'checksum' | 'overwrite'>

/**
 * Parses a declaration.
 *
 * @param limits `maxBytes`: largest file of the stage. `maxKeyLength`: bytes of a key that the store's key prefix leaves of 1,024.
 * @throws AssetError `ERR_KEY_INVALID`, `ERR_KEY_RESERVED`, `ERR_SIZE`, `ERR_TOO_LARGE`, `ERR_CONTENT_TYPE`, `ERR_CHECKSUM`.
 */
export function parseDeclaration(
  declaration: UploadDeclaration & { readonly key: string },
  limits: { readonly maxBytes: number; readonly maxKeyLength: number },
): ParsedDeclaration {
  const key = parseObjectKey(declaration.key, limits.maxKeyLength)
  const { size } = declaration
  if (size !== undefined) {
    if (!Number.isSafeInteger(size) || size < 0) throw new AssetError('ERR_SIZE')
    if (size > Math.min(limits.maxBytes, maxObjectBytes)) throw new AssetError('ERR_TOO_LARGE')
  }
  const contentType = parseContentType(declaration.contentType || anyContentType)
  const checksum = declaration.checksum && parseChecksum(declaration.checksum.algorithm, declaration.checksum.value)
  // For a multipart object S3 makes a SHA-256 of SHA-256s (composite), with which the file's own cannot be compared.
  if (checksum?.algorithm === 'SHA256' && size !== undefined && size > maxSingleBytes) {
    throw new AssetError('ERR_CHECKSUM')
  }
  return { key, size, contentType, checksum, overwrite: declaration.overwrite ?? false }
}

/**
 * Chooses a new key for a file name: below `public/` for a public file, else below the actor's first grant that allows writing. The id of the
 * upload is part of the key, so the key is unused.
 *
 * @throws AssetError `ERR_KEY_INVALID` without a file name; `ERR_ASSET_NOT_FOUND` without a grant.
 */
export function chooseKey(
  { filename, visibility }: Pick<UploadDeclaration, 'filename' | 'visibility'>,
  actor: Pick<Actor, 'grants'>,
  id: string,
): string {
  if (filename === undefined) throw new AssetError('ERR_KEY_INVALID')
  const grant = actor.grants.find(mayWrite)
  if (visibility !== 'public' && grant === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  const base = visibility === 'public' || grant === undefined ? 'public/' : objectKeyPrefix(grant.prefix)
  return `${base}uploads/${id}/${safeName(filename)}`
}

/** Returns the last segment of a file name, at most 200 bytes long, with `_` for each character that a key cannot hold. */
function safeName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? ''
  const name = Buffer.from(last)
    .toString()
    .replace(/[*?\p{Cc}\ufffd]/gu, '_')
  let short = name
  while (Buffer.byteLength(short) > 200) short = [...short].slice(0, -1).join('')
  return /^\.{0,2}$/.test(short) ? '_' : short
}
