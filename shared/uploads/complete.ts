import type { Asset, MultipartStore, StoredPart } from '../assets/asset-store.ts'
import { mostParts, partCount, partLength, partSizeFor } from '../assets/limits.ts'
import { keyPath } from '../assets/object-key.ts'
import { AssetError } from '../errors.ts'
import { type PublishOptions, publishedBy } from './publish.ts'
import { requireQuota } from './quota.ts'
import type { Upload } from './upload.ts'

/** A part as the client names it; the ETag with or without its quotes. */
export interface UnverifiedPart {
  readonly partNumber: number
  readonly etag: string
}

/**
 * Completes a multipart upload: the client's parts are compared with the store's, the store's with the declaration, then
 * the object appears at its key in one conditional step. Completing again after success changes nothing and succeeds.
 *
 * @param parts in any order; `undefined` takes what the store has.
 * @param now epoch seconds.
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`, `ERR_UPLOAD_EXPIRED`, `ERR_UPLOAD_PARTS`, `ERR_UPLOAD_INCOMPLETE`,
 *   `ERR_UPLOAD_MISMATCH`, `ERR_TOO_LARGE`, `ERR_QUOTA`, `ERR_ASSET_EXISTS`.
 */
export async function completeUpload(
  upload: Upload,
  parts: readonly UnverifiedPart[] | undefined,
  now: number,
  multipart: MultipartStore,
  options: PublishOptions,
): Promise<Asset> {
  const claimed = parts === undefined ? undefined : checkPartNumbers(parts)
  const stored = now < upload.expiresAt ? await multipart.listParts(upload) : undefined
  if (stored === undefined) {
    const done = await publishedBy(upload, options.store)
    if (done !== undefined) return done
    throw new AssetError(now < upload.expiresAt ? 'ERR_UPLOAD_NOT_FOUND' : 'ERR_UPLOAD_EXPIRED')
  }
  const chosen = choose(stored, claimed)
  checkLengths(upload, chosen)
  const size = chosen.reduce((sum, part) => sum + part.size, 0)
  await requireQuota(options.store, upload, size, options.quotaBytes)
  const asset = await multipart.complete(upload, chosen)
  if (upload.overwrite) await options.cdn.invalidate([keyPath(upload.key)])
  return asset
}

/** The ETag of each part by its number, 1 to n. */
function checkPartNumbers(parts: readonly UnverifiedPart[]): Map<number, string> {
  const etags = new Map<number, string>()
  for (const { partNumber, etag } of parts) {
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > mostParts || etags.has(partNumber)) {
      throw new AssetError('ERR_UPLOAD_PARTS')
    }
    etags.set(partNumber, bare(etag))
  }
  // n different numbers from 1 up to n have no hole. S3 would take a hole and close the ranks: another file.
  for (let number = 1; number <= parts.length; number++) {
    if (!etags.has(number)) throw new AssetError('ERR_UPLOAD_PARTS')
  }
  return etags
}

function choose(stored: readonly StoredPart[], claimed: ReadonlyMap<number, string> | undefined): StoredPart[] {
  const chosen = [...stored].sort((a, b) => a.partNumber - b.partNumber)
  // A part more than the client knows of is as wrong as one less: somebody else wrote it.
  if (claimed !== undefined && claimed.size !== chosen.length) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
  for (const [index, part] of chosen.entries()) {
    if (part.partNumber !== index + 1) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
    if (claimed !== undefined && claimed.get(part.partNumber) !== bare(part.etag)) {
      throw new AssetError('ERR_UPLOAD_MISMATCH')
    }
  }
  if (chosen.length === 0) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
  return chosen
}

/** Each part as long as the declaration makes it, and all together within what was allowed. */
function checkLengths(upload: Upload, parts: readonly StoredPart[]): void {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  if (size > upload.mostBytes) throw new AssetError('ERR_TOO_LARGE')
  if (upload.size === undefined) return
  const partSize = partSizeFor(upload.size)
  if (parts.length < partCount(upload.size, partSize)) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
  for (const part of parts) {
    if (part.size !== partLength(upload.size, partSize, part.partNumber)) throw new AssetError('ERR_UPLOAD_MISMATCH')
  }
}

function bare(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}
