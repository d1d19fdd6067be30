import { HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import type { Asset, AssetStore, SaveAssetOptions } from '../asset-store.ts'
import { isPublic, type ObjectKey } from '../object-key.ts'
import { describeAsset } from './describe.ts'
import { deleteAt, endUpload, hasEnded, writeAt } from './ended.ts'
import { unless, withFaults } from './faults.ts'
import { publicCacheControl, publishObject, readIncoming, receivePost, receivePut } from './incoming.ts'
import { listAssets, usageBelow } from './list.ts'
import { maxKeyLengthIn, objectName, type S3Location } from './location.ts'
import { createS3Multipart } from './multipart.ts'
import { copyAsset, moveAsset } from './transfer.ts'

/** How an S3 store signs. */
export interface S3StoreOptions extends S3Location {
  /** The life of upload URLs, in seconds. */
  readonly ticketSeconds: number
}

/** Assets in a bucket. */
export function createS3Store(options: S3StoreOptions): AssetStore {
  const location: S3Location = options
  const { client, bucket } = location
  return {
    maxKeyLength: maxKeyLengthIn(location),
    singleProtocol: 'put',
    multipart: createS3Multipart(location, options.ticketSeconds),
    async ready() {
      await withFaults(client.send(new HeadBucketCommand({ Bucket: bucket })))
    },
    describe: (key) => describeAsset(location, key),
    list: (prefix, limit, cursor) => listAssets(location, prefix, limit, cursor),
    usage: (prefix) => usageBelow(location, prefix),
    save: (key, body, contentType, write) => saveObject(location, key, body, contentType, write),
    delete: (key) => deleteAt(location, objectName(location, key)),
    copy: (from, to, write) => copyAsset(location, from, to, write),
    move: (from, to, write) => moveAsset(location, from, to, write),
    receive: (upload, now, seconds = options.ticketSeconds) => receivePut(location, upload, seconds, now),
    receiveForm: (upload, now, seconds = options.ticketSeconds) => receivePost(location, upload, seconds, now),
    incoming: (id) => readIncoming(location, id),
    publish: (file) => publishObject(location, file),
    end: (id) => endUpload(location, id),
    hasEnded: (id) => hasEnded(location, id),
  }
}

async function saveObject(
  location: S3Location,
  key: ObjectKey,
  body: Uint8Array,
  contentType: string,
  { overwrite, sha256, cacheControl }: SaveAssetOptions,
): Promise<Asset> {
  const CacheControl = cacheControl ?? (isPublic(key) ? publicCacheControl : undefined)
  const Key = objectName(location, key)
  await writeAt(location, Key, overwrite, async (condition) => {
    const command = new PutObjectCommand({
      Bucket: location.bucket,
      Key,
      Body: body,
      ContentType: contentType,
      ...(sha256 === undefined ? { ChecksumAlgorithm: 'SHA256' } : { ChecksumSHA256: sha256 }),
      ...condition,
      ...(CacheControl === undefined ? {} : { CacheControl }),
    })
    const sent = await unless('ERR_ASSET_NOT_FOUND', location.client.send(command))
    // What was to be replaced is gone.
    if (sent === undefined) throw new AssetError('ERR_ASSET_EXISTS')
  })
  const asset = await describeAsset(location, key)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return asset
}
