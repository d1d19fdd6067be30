import type { Asset, AssetStore, CdnInvalidation, IncomingFile } from '../assets/asset-store.ts'
import { keyPath } from '../assets/object-key.ts'
import type { Upload } from '../assets/upload.ts'
import { AssetError } from '../errors.ts'
import { requireQuota } from './quota.ts'

/** Dependencies of publishing. */
export interface PublishDependencies {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  /** Bytes below one granted prefix; `null` for no limit. */
  readonly quotaBytes: number | null
  /** Returns whether an upload was allowed before its owner's access was revoked. */
  readonly isRevoked: (upload: Upload) => Promise<boolean>
}

/** Origin of a publication: the client itself, or the arrival of the bytes (event, hook, sweep), which may be late and repeated. */
export type PublishedOn = 'confirm' | 'arrival'

/**
 * Publishes what arrived for an upload: compared with its declaration, then moved to its key in one conditional step.
 *
 * Confirm, the bucket's event and the hourly sweep call this in any order, concurrently, and again after a crash. An upload has three
 * states, each visible in the store: arrived, published (the asset at its key has the upload's id), ended. A crash between the last
 * two leaves both the asset and the bytes; the next call finds the asset and ends the upload. Because nothing removes or replaces
 * an asset whose upload has not ended (see `AssetStore`), bytes without an asset were never published.
 *
 * On any refusal but a revocation the incoming file stays where it is, so nothing is lost: a confirm after the obstacle is gone
 * still succeeds, until the incoming area is cleared.
 *
 * @param id of the upload.
 * @returns the asset, or `undefined` where nothing has arrived, or the upload has ended.
 * @throws AssetError `ERR_UPLOAD_MISMATCH`, `ERR_UPLOAD_REVOKED`, `ERR_QUOTA`, `ERR_ASSET_EXISTS`.
 */
export async function publishIncoming(
  id: string,
  options: PublishDependencies,
  on: PublishedOn = 'arrival',
): Promise<Asset | undefined> {
  const { store, quotaBytes } = options
  const file = await store.incoming(id)
  if (file === undefined) return undefined
  if (await store.hasEnded(id)) {
    // A crash kept the bytes, or a form sent them again.
    await store.end(id, 'dropped')
    return undefined
  }
  requireDeclared(file, id)
  const upload = file.declared
  const asset = await publishOnce(upload, options, async () => {
    await refuseRevoked(upload, options, () => store.end(id, 'dropped'))
    if (on === 'arrival') await refuseOvertaken(file, store)
    await requireQuota(store, upload, file.size, quotaBytes)
    return store.publish(file)
  })
  if (asset !== undefined) await store.end(id, on === 'confirm' ? 'confirmed' : 'published')
  return asset
}

/**
 * Runs the step that publishes an upload, unless the upload is published already. Where a concurrent call was faster, the
 * error of the step does not count: its quota holds this very file, its parts are gone, its key is taken.
 *
 * @param publish `undefined` where there is nothing to publish.
 * @returns the asset, or `undefined` where there was nothing and nobody else has published it.
 */
export async function publishOnce(
  upload: Upload,
  { store, cdn }: PublishDependencies,
  publish: () => Promise<Asset | undefined>,
): Promise<Asset | undefined> {
  const asset =
    (await publishedBy(upload, store)) ??
    (await publish().catch(async (error: unknown) => {
      const winner = await publishedBy(upload, store)
      if (winner === undefined) throw error
      return winner
    })) ??
    (await publishedBy(upload, store))
  // An overwritten file is in caches under the same URL. A crash may have come before the invalidation.
  if (asset !== undefined && upload.overwrite) await cdn.invalidate([keyPath(upload.key)])
  return asset
}

/**
 * Publishes on a client's confirm, which says why where there is nothing to publish.
 *
 * The asset is looked for once more after the incoming file: a publisher that finished between two looks took the file away, and
 * put the asset there before.
 *
 * @param now epoch seconds.
 * @throws AssetError also `ERR_UPLOAD_INCOMPLETE`, `ERR_UPLOAD_EXPIRED`; `ERR_UPLOAD_USED` where the upload has ended and its asset
 *   is not at its key any more.
 */
export async function confirmUpload(upload: Upload, now: number, options: PublishDependencies): Promise<Asset> {
  const { store, cdn } = options
  const done = await publishedBy(upload, store)
  if (done === undefined && now >= upload.expiresAt) throw new AssetError('ERR_UPLOAD_EXPIRED')
  const published = done ?? (await publishIncoming(upload.id, options, 'confirm'))
  const asset = published ?? (await publishedBy(upload, store))
  if (asset === undefined) {
    throw new AssetError((await store.hasEnded(upload.id)) ? 'ERR_UPLOAD_USED' : 'ERR_UPLOAD_INCOMPLETE')
  }
  if (published !== undefined && done === undefined) return asset
  // Published by another call, which a crash may have kept from telling the CDN and from ending the upload.
  if (upload.overwrite && !(await store.hasEnded(upload.id))) await cdn.invalidate([keyPath(upload.key)])
  await store.end(upload.id, 'confirmed')
  return asset
}

/** The asset at the upload's key, where this upload put it there. */
export async function publishedBy(upload: Upload, store: AssetStore): Promise<Asset | undefined> {
  const asset = await store.describe(upload.key)
  return asset?.uploadId === upload.id ? asset : undefined
}

/**
 * Refuses an upload whose owner's access was revoked after the ticket was issued, and drops what came for it.
 *
 * @throws AssetError `ERR_UPLOAD_REVOKED`.
 */
export async function refuseRevoked(
  upload: Upload,
  { isRevoked }: Pick<PublishDependencies, 'isRevoked'>,
  drop: () => Promise<void>,
): Promise<void> {
  if (!(await isRevoked(upload))) return
  await drop()
  throw new AssetError('ERR_UPLOAD_REVOKED')
}

/**
 * Bytes that may replace what is at their key must not come back over something newer. A client that confirms asks for it
 * now; an event that is late, or a sweep hours later, does not.
 *
 * @throws AssetError `ERR_ASSET_EXISTS`.
 */
async function refuseOvertaken({ declared, arrivedAt }: IncomingFile, store: AssetStore): Promise<void> {
  if (!declared.overwrite) return
  const there = await store.describe(declared.key)
  if (there !== undefined && (there.writtenAt ?? there.lastModified) > arrivedAt)
    throw new AssetError('ERR_ASSET_EXISTS')
}

/**
 * The signature of the request already made the store refuse anything else. It is compared again because this is the last
 * moment before others can read it, and stores differ in what they enforce.
 */
function requireDeclared(file: IncomingFile, id: string): void {
  const { declared } = file
  const fits =
    declared.id === id &&
    (declared.size === undefined || declared.size === file.size) &&
    file.size <= declared.maxBytes &&
    declared.contentType === file.contentType &&
    (declared.checksum === undefined ||
      (file.checksum?.algorithm === declared.checksum.algorithm && file.checksum.value === declared.checksum.value))
  if (!fits) throw new AssetError('ERR_UPLOAD_MISMATCH')
}
