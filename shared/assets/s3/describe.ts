import { GetObjectCommand, HeadObjectCommand, type HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { AssetOrigin } from '../asset-origin.ts'
import type { Asset } from '../asset-store.ts'
import { anyContentType } from '../limits.ts'
import type { ObjectKey } from '../object-key.ts'
import type { Checksum } from '../upload.ts'
import { s3Fault, unless } from './faults.ts'
import { objectName, type S3Location } from './location.ts'

/** Name of the user metadata (`x-amz-meta-…`) that holds the id of the upload which published an object. */
export const uploadIdMetadata = 'upload-id'

/** Names of the user metadata that hold an asset's origin. */
export const originMetadata = { source: 'origin-source', version: 'origin-version' } as const

/** An object as HeadObject gives it, by its full name. `undefined` where there is none. */
export function headObject(location: S3Location, name: string): Promise<HeadObjectCommandOutput | undefined> {
  const { client, bucket } = location
  return unless(
    'ERR_ASSET_NOT_FOUND',
    client.send(new HeadObjectCommand({ Bucket: bucket, Key: name, ChecksumMode: 'ENABLED' })),
  )
}

/** The asset at a key. */
export async function describeAsset(location: S3Location, key: ObjectKey): Promise<Asset | undefined> {
  const head = await headObject(location, objectName(location, key))
  return head === undefined ? undefined : assetOf(key, head)
}

/** Pieces of the object at a key. `undefined` where there is none. @throws ServiceError */
export async function readObject(location: S3Location, key: ObjectKey): Promise<AsyncIterable<Uint8Array> | undefined> {
  const command = new GetObjectCommand({ Bucket: location.bucket, Key: objectName(location, key) })
  const answer = await unless('ERR_ASSET_NOT_FOUND', location.client.send(command))
  return answer && piecesOf(answer.Body as AsyncIterable<Uint8Array>)
}

async function* piecesOf(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw s3Fault(error)
  }
}

/** Reads HeadObject's answer. */
export function assetOf(key: ObjectKey, head: HeadObjectCommandOutput): Asset {
  return {
    key,
    size: head.ContentLength ?? 0,
    contentType: head.ContentType ?? anyContentType,
    etag: head.ETag ?? '',
    lastModified: Math.floor((head.LastModified?.getTime() ?? 0) / 1000),
    checksum: checksumOf(head),
    uploadId: head.Metadata?.[uploadIdMetadata],
    origin: originIn(head.Metadata),
  }
}

function originIn(metadata: HeadObjectCommandOutput['Metadata']): AssetOrigin | undefined {
  const source = metadata?.[originMetadata.source]
  const version = metadata?.[originMetadata.version]
  return source === undefined || version === undefined ? undefined : { source, version }
}

/** The checksum of the whole object. A composite one is a checksum of the parts' checksums: of no use to a reader. */
export function checksumOf(head: HeadObjectCommandOutput): Checksum | undefined {
  if (head.ChecksumType === 'COMPOSITE') return undefined
  if (head.ChecksumSHA256 !== undefined) return { algorithm: 'SHA256', value: head.ChecksumSHA256 }
  if (head.ChecksumCRC64NVME !== undefined) return { algorithm: 'CRC64NVME', value: head.ChecksumCRC64NVME }
  return undefined
}
