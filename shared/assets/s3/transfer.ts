import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import { type AssetOrigin, isResultOf, originOf, type TransferKind } from '../asset-origin.ts'
import type { Asset, WriteOptions } from '../asset-store.ts'
import { isPublic, type ObjectKey } from '../object-key.ts'
import { copyObject, objectHeadersOf } from './copy.ts'
import { assetOf, describeAsset, headObject, originMetadata, uploadIdMetadata } from './describe.ts'
import { deleteUnchanged, writeAt } from './ended.ts'
import { publicCacheControl } from './incoming.ts'
import { objectName, type S3Location } from './location.ts'

/** Copies an asset to another key. @throws AssetError `ERR_ASSET_NOT_FOUND`, `ERR_ASSET_EXISTS`. */
export async function copyAsset(
  location: S3Location,
  from: ObjectKey,
  to: ObjectKey,
  options: WriteOptions,
): Promise<Asset> {
  return (await transferAsset(location, 'copy', from, to, options)).asset
}

/**
 * Copies, then deletes the source as it was copied: what was written to it meanwhile exists nowhere else.
 *
 * @throws AssetError also `ERR_ASSET_CHANGED`: both are there, the copy and the source as it is now.
 */
export async function moveAsset(
  location: S3Location,
  from: ObjectKey,
  to: ObjectKey,
  options: WriteOptions,
): Promise<Asset> {
  const { asset, source } = await transferAsset(location, 'move', from, to, options)
  if (source !== undefined && (await deleteUnchanged(location, objectName(location, from), source)) === 'changed') {
    throw new AssetError('ERR_ASSET_CHANGED')
  }
  return asset
}

/** Lets the target appear, unless an earlier try of the same transfer did. */
async function transferAsset(
  location: S3Location,
  kind: TransferKind,
  from: ObjectKey,
  to: ObjectKey,
  { overwrite }: WriteOptions,
): Promise<{ asset: Asset; source: HeadObjectCommandOutput | undefined }> {
  const source = await headObject(location, objectName(location, from))
  // S3 refuses to copy an object onto itself, and a move would then delete it.
  if (from === to) throw new AssetError(source === undefined ? 'ERR_ASSET_NOT_FOUND' : 'ERR_ASSET_EXISTS')
  const state = source && assetOf(from, source)
  const done = async () => {
    const asset = await describeAsset(location, to)
    return asset !== undefined && isResultOf(kind, from, state, asset) ? asset : undefined
  }
  const earlier = await done()
  if (earlier !== undefined) return { asset: earlier, source }
  if (source === undefined || state === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  const origin = originOf(kind, from, state)
  const copy = {
    from: objectName(location, from),
    to: objectName(location, to),
    source,
    headers: {
      ...objectHeadersOf(source),
      // What browsers and caches may keep depends on who may read it, so it is not carried over that border.
      ...(isPublic(from) === isPublic(to) ? {} : { CacheControl: isPublic(to) ? publicCacheControl : undefined }),
      Metadata: { ...withoutOwn(source.Metadata), ...namedOrigin(origin) },
    },
  }
  try {
    await writeAt(location, copy.to, overwrite, (condition) => copyObject(location, copy, condition))
  } catch (error) {
    // The same transfer, concurrently: its target is there, and its source may be gone.
    const winner = error instanceof AssetError ? await done() : undefined
    if (winner === undefined) throw error
    return { asset: winner, source }
  }
  const asset = await describeAsset(location, to)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return { asset, source }
}

/** The id of an upload belongs to the object that the upload published, an origin to the transfer that made the object. */
function withoutOwn(metadata: HeadObjectCommandOutput['Metadata']): Record<string, string> {
  const own: readonly string[] = [uploadIdMetadata, ...Object.values(originMetadata)]
  return Object.fromEntries(Object.entries(metadata ?? {}).filter(([name]) => !own.includes(name)))
}

function namedOrigin({ source, version }: AssetOrigin): Record<string, string> {
  return { [originMetadata.source]: source, [originMetadata.version]: version }
}
