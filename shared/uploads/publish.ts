import type { Asset, AssetStore, CdnInvalidation, IncomingFile } from '../assets/asset-store.ts'
import { keyPath } from '../assets/object-key.ts'
import { AssetError } from '../errors.ts'
import { requireQuota } from './quota.ts'
import type { Upload } from './upload.ts'

/** What publishing needs. */
export interface PublishOptions {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  /** Bytes below one granted prefix; `null` for no limit. */
  readonly quotaBytes: number | null
}

/**
 * Publishes what arrived for an upload: compared with its declaration, then moved to its key in one conditional step.
 *
 * Called by a client's confirm, by the bucket's event, by both at once and by the hourly sweep, in any order: whoever is second
 * finds the asset with the upload's id and has nothing to do. On any refusal the incoming file stays where it is, so
 * nothing is lost: a confirm after the obstacle is gone still succeeds, until the incoming area is cleared.
 *
 * @param id of the upload.
 * @returns the asset, or `undefined` where nothing has arrived, or has been published and replaced since.
 * @throws AssetError `ERR_UPLOAD_MISMATCH`, `ERR_QUOTA`, `ERR_ASSET_EXISTS`.
 */
export async function publishIncoming(id: string, options: PublishOptions): Promise<Asset | undefined> {
  const { store, quotaBytes } = options
  const file = await store.incoming(id)
  if (file === undefined) return undefined
  requireDeclared(file, id)
  const asset = await publishOnce(file.declared, options, async () => {
    await requireQuota(store, file.declared, file.size, quotaBytes)
    return store.publish(file)
  })
  if (asset !== undefined) await store.discard(id)
  return asset
}

/**
 * Runs the step that publishes an upload, unless the upload is published already; where somebody else was faster, what the step
 * failed with does not count: its quota holds this very file, its parts are gone, its key is taken.
 *
 * @param publish `undefined` where there is nothing to publish.
 * @returns the asset, or `undefined` where there was nothing and nobody else has published it.
 */
export async function publishOnce(
  upload: Upload,
  { store, cdn }: PublishOptions,
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
  // An overwritten file is in caches under the same URL. Whoever published it may have ended before the CDN was told.
  if (asset !== undefined && upload.overwrite) await cdn.invalidate([keyPath(upload.key)])
  return asset
}

/**
 * Publishes on a client's confirm, which says why where there is nothing to publish.
 *
 * @param now epoch seconds.
 * @throws AssetError also `ERR_UPLOAD_INCOMPLETE`, `ERR_UPLOAD_EXPIRED`.
 */
export async function confirmUpload(upload: Upload, now: number, options: PublishOptions): Promise<Asset> {
  const done = await publishedBy(upload, options.store)
  if (done !== undefined) return done
  if (now >= upload.expiresAt) throw new AssetError('ERR_UPLOAD_EXPIRED')
  const asset = await publishIncoming(upload.id, options)
  if (asset === undefined) throw new AssetError('ERR_UPLOAD_INCOMPLETE')
  return asset
}

/** The asset at the upload's key, where this upload put it there. */
export async function publishedBy(upload: Upload, store: AssetStore): Promise<Asset | undefined> {
  const asset = await store.describe(upload.key)
  return asset?.uploadId === upload.id ? asset : undefined
}

/**
 * The store was told to refuse anything else when the request was signed. It is compared again because this is the last
 * moment before others can read it, and stores differ in what they enforce.
 */
function requireDeclared(file: IncomingFile, id: string): void {
  const { declared } = file
  const fits =
    declared.id === id &&
    (declared.size === undefined || declared.size === file.size) &&
    file.size <= declared.mostBytes &&
    declared.contentType === file.contentType &&
    (declared.checksum === undefined ||
      (file.checksum?.algorithm === declared.checksum.algorithm && file.checksum.value === declared.checksum.value))
  if (!fits) throw new AssetError('ERR_UPLOAD_MISMATCH')
}
