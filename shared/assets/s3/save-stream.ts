import { Readable } from 'node:stream'
import { Upload } from '@aws-sdk/lib-storage'
import { AssetError } from '../../errors.ts'
import type { Asset, WriteOptions } from '../asset-store.ts'
import { maxParts, minPartBytes } from '../limits.ts'
import { isPublic, type ObjectKey } from '../object-key.ts'
import { describeAsset, headObject } from './describe.ts'
import { endUploadOf } from './ended.ts'
import { withFaults } from './faults.ts'
import { publicCacheControl } from './incoming.ts'
import { objectName, type S3Location } from './location.ts'

/** Bytes of all parts that are held in memory at once. */
const heldBytes = 10 * 1024 ** 2

/**
 * Writes a stream to a key, in parts where it is large; a few parts are under way at once, and no more are held in memory. The object
 * appears in one step, and where the stream fails nothing is left: the parts are dropped.
 *
 * @param size in bytes, where it is known. Without it a file has at most 10,000 parts of 8 MiB.
 * @throws AssetError `ERR_ASSET_EXISTS`, `ERR_TOO_LARGE`, and what the stream throws.
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
    if (overwrite) await endUploadOf(location, await headObject(location, Key))
  }
  const upload = new Upload({
    client,
    partSize,
    queueSize: Math.max(1, Math.floor(heldBytes / partSize)),
    params: {
      Bucket: bucket,
      Key,
      Body: Readable.from(body(), { objectMode: false }),
      ContentType: contentType,
      ...(overwrite ? {} : { IfNoneMatch: '*' }),
      ...(isPublic(key) ? { CacheControl: publicCacheControl } : {}),
    },
  })
  await withFaults(upload.done())
  const asset = await describeAsset(location, key)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return asset
}
