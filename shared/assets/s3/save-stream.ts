import { Readable } from 'node:stream'
import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { AssetError, type ErrorCode, ServiceError } from '../../errors.ts'
import type { Asset, WriteOptions } from '../asset-store.ts'
import { maxParts, minPartBytes } from '../limits.ts'
import { isPublic, type ObjectKey } from '../object-key.ts'
import { describeAsset, headObject } from './describe.ts'
import { endUploadOf } from './ended.ts'
import { withFaults } from './faults.ts'
import { publicCacheControl } from './incoming.ts'
import { objectName, type S3Location } from './location.ts'

/** Codes of a write whose condition no longer held: another object was there, or none. */
const replacedMeanwhile: readonly ErrorCode[] = ['ERR_ASSET_EXISTS', 'ERR_ASSET_NOT_FOUND']

/** Bytes of all parts that are held in memory at once. */
const heldBytes = 10 * 1024 ** 2

/**
 * Writes a stream to a key, in parts where it is large; a few parts are under way at once, and no more are held in memory. The object
 * appears in one step, and where the stream fails nothing is left: the parts are dropped.
 *
 * @param size in bytes, where it is known. Without it a file has at most 10,000 parts of 8 MiB.
 * @throws AssetError `ERR_ASSET_EXISTS`, `ERR_TOO_LARGE`, and what the stream throws; ServiceError `ERR_STORE_UNAVAILABLE` where another
 *   write to the key came between the last look at it and its replacement: a stream cannot be sent again.
 */
export async function saveStreamToS3(
  location: S3Location,
  key: ObjectKey,
  pieces: AsyncIterable<Uint8Array>,
  contentType: string,
  { overwrite, size }: WriteOptions & { readonly size: number | undefined },
): Promise<Asset> {
  const { client, bucket } = location
  const Key = objectName(location, key)
  const partSize = Math.max(minPartBytes, Math.ceil((size ?? 0) / maxParts))
  // Refused before the bytes are sent. The condition decides in the end.
  if (!overwrite && (await headObject(location, Key)) !== undefined) throw new AssetError('ERR_ASSET_EXISTS')
  const body = async function* () {
    let sent = 0
    for await (const piece of pieces) {
      sent += piece.length
      if (sent > partSize * maxParts) throw new AssetError('ERR_TOO_LARGE')
      yield piece
    }
    // Right before the object is replaced, see `AssetStore`. Its upload must not come back over the new one.
    if (!overwrite) return
    const there = await headObject(location, Key)
    await endUploadOf(location, there)
    // The SDK reads these where it has all bytes, for the request that makes the object.
    if (there === undefined) params.IfNoneMatch = '*'
    else params.IfMatch = there.ETag
  }
  const params: PutObjectCommandInput = {
    Bucket: bucket,
    Key,
    Body: Readable.from(body(), { objectMode: false }),
    ContentType: contentType,
    ...(overwrite ? {} : { IfNoneMatch: '*' }),
    ...(isPublic(key) ? { CacheControl: publicCacheControl } : {}),
  }
  const upload = new Upload({
    client,
    partSize,
    queueSize: Math.max(1, Math.floor(heldBytes / partSize)),
    params,
  })
  try {
    await withFaults(upload.done())
  } catch (error) {
    const isChanged = overwrite && error instanceof AssetError && replacedMeanwhile.includes(error.code)
    throw isChanged ? new ServiceError('ERR_STORE_UNAVAILABLE', 'the key was written to meanwhile: save again') : error
  }
  const asset = await describeAsset(location, key)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return asset
}
