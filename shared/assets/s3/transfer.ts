import { DeleteObjectCommand, type HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import type { Asset, WriteOptions } from '../asset-store.ts'
import { isPublic, type ObjectKey } from '../object-key.ts'
import { copyObject } from './copy.ts'
import { objectHeadersOf } from './copy-request.ts'
import { describeAsset, headObject } from './describe.ts'
import { withFaults } from './faults.ts'
import { publicCacheControl } from './incoming.ts'
import { objectName, type S3Location } from './location.ts'

/** Copies an asset to another key. @throws AssetError `ERR_ASSET_NOT_FOUND`, `ERR_ASSET_EXISTS`. */
export async function copyAsset(
  location: S3Location,
  from: ObjectKey,
  to: ObjectKey,
  options: WriteOptions,
): Promise<Asset> {
  return (await copyWithSource(location, from, to, options)).asset
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
  const { asset, source } = await copyWithSource(location, from, to, options)
  await deleteUnchanged(location, objectName(location, from), source)
  return asset
}

async function copyWithSource(location: S3Location, from: ObjectKey, to: ObjectKey, { overwrite }: WriteOptions) {
  const source = await headObject(location, objectName(location, from))
  if (source === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  // S3 refuses to copy an object onto itself, and a move would then delete it.
  if (from === to) throw new AssetError('ERR_ASSET_EXISTS')
  const names = { from: objectName(location, from), to: objectName(location, to) }
  // What browsers and caches may keep depends on who may read it, so it is not carried over that border.
  const CacheControl = isPublic(to) ? publicCacheControl : undefined
  const replace = isPublic(from) === isPublic(to) ? undefined : { ...objectHeadersOf(source), CacheControl }
  await copyObject(location, { ...names, source, overwrite, replace })
  const asset = await describeAsset(location, to)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return { asset, source }
}

/**
 * S3 itself compares, in the step that deletes. Looking first is not that guarantee; it is what is left on servers that ignore
 * the header.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
 */
async function deleteUnchanged(location: S3Location, name: string, { ETag }: HeadObjectCommandOutput): Promise<void> {
  const now = await headObject(location, name)
  if (now === undefined) return
  if (now.ETag !== ETag) throw new AssetError('ERR_ASSET_CHANGED')
  const command = new DeleteObjectCommand({ Bucket: location.bucket, Key: name, IfMatch: ETag })
  await withFaults(location.client.send(command)).catch((error: unknown) => {
    const code = error instanceof AssetError ? error.code : undefined
    // Somebody else deleted it.
    if (code === 'ERR_ASSET_NOT_FOUND') return
    if (code === 'ERR_ASSET_EXISTS') throw new AssetError('ERR_ASSET_CHANGED', undefined, { cause: error })
    throw error
  })
}
