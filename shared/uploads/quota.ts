import type { AssetStore } from '../assets/asset-store.ts'
import { type KeyPrefix, type ObjectKey, parseKeyPrefix } from '../assets/object-key.ts'
import { AssetError } from '../errors.ts'

/** The first `depth` segments of a key, with a `/` at the end: whose quota the key counts against. */
export function quotaPrefix(key: ObjectKey, depth: number): KeyPrefix {
  return parseKeyPrefix(`${key.split('/').slice(0, depth).join('/')}/`)
}

/**
 * Returns the rest of the quota below the key's granted prefix, in bytes; a file that will be replaced does not count.
 *
 * It is read once when an upload is allowed and again when it is published, so two tickets cannot be spent on the same
 * bytes. Two publications in the same instant can: the quota is a limit for users, not an accounting record.
 *
 * @param quotaBytes `null` for no limit.
 */
export async function quotaLeft(
  store: AssetStore,
  upload: { readonly key: ObjectKey; readonly depth: number; readonly overwrite: boolean },
  quotaBytes: number | null,
): Promise<number> {
  if (quotaBytes === null) return Number.MAX_SAFE_INTEGER
  const used = await store.usage(quotaPrefix(upload.key, upload.depth))
  const replaced = upload.overwrite ? ((await store.describe(upload.key))?.size ?? 0) : 0
  return Math.max(0, quotaBytes - used + replaced)
}

/** @throws AssetError `ERR_QUOTA` where `size` bytes do not fit any more. */
export async function requireQuota(
  store: AssetStore,
  upload: { readonly key: ObjectKey; readonly depth: number; readonly overwrite: boolean },
  size: number,
  quotaBytes: number | null,
): Promise<void> {
  if (size > (await quotaLeft(store, upload, quotaBytes))) throw new AssetError('ERR_QUOTA')
}
