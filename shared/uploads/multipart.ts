import type { Asset, AssetStore, MultipartStore, StoredPart } from '../assets/asset-store.ts'
import { maxParts, partCount, partLength, partSizeFor } from '../assets/limits.ts'
import type { Upload } from '../assets/upload.ts'
import { AssetError, type ErrorCode } from '../errors.ts'
import { type PublishDependencies, publishedBy, publishOnce, refuseRevoked } from './publish.ts'
import { requireQuota } from './quota.ts'

/** Milliseconds between two looks for an object that another call completes. */
const pauses = [50, 150, 400] as const

/** Dependencies of uploads in parts. */
export interface CompleteDependencies extends PublishDependencies {
  readonly wait: (milliseconds: number) => Promise<unknown>
}

/** A part as the client names it; the ETag with or without its quotes. */
export interface UnverifiedPart {
  readonly partNumber: number
  readonly etag: string
}

/** Codes of `openUpload` and `signParts`. */
export const partUrlCodes = [
  'ERR_UPLOAD_NOT_FOUND',
  'ERR_UPLOAD_EXPIRED',
  'ERR_UPLOAD_REVOKED',
  'ERR_UPLOAD_PARTS',
] as const satisfies readonly ErrorCode[]

/** Codes of `openUpload` and `completeUpload`. The asset may be deleted before the store could describe it. */
export const completeCodes = [
  ...partUrlCodes,
  'ERR_UPLOAD_INCOMPLETE',
  'ERR_UPLOAD_MISMATCH',
  'ERR_ASSET_EXISTS',
  'ERR_ASSET_NOT_FOUND',
  'ERR_TOO_LARGE',
  'ERR_QUOTA',
] as const satisfies readonly ErrorCode[]

/** Returns the store of parts. @throws AssetError `ERR_UPLOAD_NOT_FOUND` if the upload is not in parts. */
export function multipartOf(upload: Upload, { multipart }: Pick<AssetStore, 'multipart'>): MultipartStore {
  if (upload.protocol !== 'multipart' || multipart === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
  return multipart
}

/**
 * Signs a URL for each of these parts.
 *
 * @param now epoch seconds.
 * @throws AssetError one of `partUrlCodes`.
 */
export async function signParts(
  upload: Upload,
  numbers: readonly number[],
  now: number,
  uploads: Pick<PublishDependencies, 'store' | 'isRevoked'>,
): Promise<{ urls: string[]; expiresAt: number }> {
  const multipart = multipartOf(upload, uploads.store)
  if (now >= upload.expiresAt) throw new AssetError('ERR_UPLOAD_EXPIRED')
  if (!numbers.every(isPartNumber) || new Set(numbers).size !== numbers.length) {
    throw new AssetError('ERR_UPLOAD_PARTS')
  }
  await refuseRevoked(upload, uploads, () => multipart.abort(upload))
  return multipart.signParts(upload, numbers, now)
}

/** Lists the parts that have arrived. @throws AssetError `ERR_UPLOAD_NOT_FOUND`. */
export async function listParts(
  upload: Upload,
  { store }: Pick<PublishDependencies, 'store'>,
): Promise<readonly StoredPart[]> {
  const parts = await multipartOf(upload, store).listParts(upload)
  if (parts === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
  return parts
}

/**
 * Completes a multipart upload: the client's parts are compared with the store's, the store's with the declaration, then
 * the object appears at its key in one conditional step. Completing again, after success or concurrently, changes nothing and
 * succeeds.
 *
 * @param parts in any order; `undefined` takes what the store has.
 * @param now epoch seconds.
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`, `ERR_UPLOAD_EXPIRED`, `ERR_UPLOAD_REVOKED`, `ERR_UPLOAD_PARTS`,
 *   `ERR_UPLOAD_INCOMPLETE`, `ERR_UPLOAD_MISMATCH`, `ERR_TOO_LARGE`, `ERR_QUOTA`, `ERR_ASSET_EXISTS`.
 */
export async function completeUpload(
  upload: Upload,
  parts: readonly UnverifiedPart[] | undefined,
  now: number,
  options: CompleteDependencies,
): Promise<Asset> {
  const multipart = multipartOf(upload, options.store)
  const claimed = parts === undefined ? undefined : checkPartNumbers(parts)
  const isOver = now >= upload.expiresAt
  const asset = await publishOnce(upload, options, async () => {
    if (isOver) return undefined
    await refuseRevoked(upload, options, () => multipart.abort(upload))
    const stored = await multipart.listParts(upload)
    const completed = stored && (await completeParts(upload, choose(stored, claimed), multipart, options))
    return completed ?? publishedSoon(upload, options)
  })
  if (asset === undefined) throw new AssetError(isOver ? 'ERR_UPLOAD_EXPIRED' : 'ERR_UPLOAD_NOT_FOUND')
  return asset
}

/** @returns `undefined` where another call took the parts meanwhile. */
async function completeParts(
  upload: Upload,
  parts: readonly StoredPart[],
  multipart: MultipartStore,
  { store, quotaBytes }: PublishDependencies,
): Promise<Asset | undefined> {
  checkLengths(upload, parts)
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  await requireQuota(store, upload, size, quotaBytes)
  try {
    return await multipart.complete(upload, parts)
  } catch (error) {
    if (error instanceof AssetError && /^ERR_(UPLOAD|ASSET)_NOT_FOUND$/.test(error.code)) return undefined
    throw error
  }
}

/**
 * The asset of an upload whose parts are gone: completed by another call, or given up. Servers differ in how long after the
 * parts the object is there; a client that gets "no such upload" in between would send everything again.
 */
async function publishedSoon(upload: Upload, { store, wait }: CompleteDependencies): Promise<Asset | undefined> {
  for (const pause of pauses) {
    const asset = await publishedBy(upload, store)
    if (asset !== undefined) return asset
    await wait(pause)
  }
  return undefined
}

/** The ETag of each part by its number, 1 to n. */
function checkPartNumbers(parts: readonly UnverifiedPart[]): Map<number, string> {
  const etags = new Map<number, string>()
  for (const { partNumber, etag } of parts) {
    if (!isPartNumber(partNumber) || etags.has(partNumber)) throw new AssetError('ERR_UPLOAD_PARTS')
    etags.set(partNumber, bare(etag))
  }
  // n different numbers from 1 up to n have no hole. S3 would take a hole and close the ranks: another file.
  for (let number = 1; number <= parts.length; number++) {
    if (!etags.has(number)) throw new AssetError('ERR_UPLOAD_PARTS')
  }
  return etags
}

function isPartNumber(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= maxParts
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
  if (size > upload.maxBytes) throw new AssetError('ERR_TOO_LARGE')
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
