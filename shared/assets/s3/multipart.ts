import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3'
import { AssetError, ServiceError } from '../../errors.ts'
import type { Asset, MultipartStore, StoredPart } from '../asset-store.ts'
import { partLength, partSizeFor } from '../limits.ts'
import type { Upload } from '../upload.ts'
import { describeAsset, headObject } from './describe.ts'
import { endUploadOf } from './ended.ts'
import { unless, withFaults } from './faults.ts'
import { objectHeaders } from './incoming.ts'
import { objectName, type S3Location } from './location.ts'
import { presignedEnd, presignParts } from './presign.ts'

/** A part with what CompleteMultipartUpload wants back of it. */
interface S3Part extends StoredPart {
  readonly crc64: string | undefined
}

/** S3's multipart uploads. `ttl` is the life of a part's URL in seconds. */
export function createS3Multipart(location: S3Location, ttl: number): MultipartStore {
  return {
    begin: (upload) => beginMultipart(location, upload),
    signParts: (upload, numbers, now) => signUploadParts(location, upload, numbers, ttl, now),
    listParts: (upload) => listAllParts(location, upload),
    complete: (upload, parts) => completeMultipart(location, upload, parts),
    abort: (upload) => abortMultipart(location, upload),
  }
}

/**
 * Begins an upload. Where a CRC64NVME was declared S3 computes it over the whole object from whatever parts arrive, and
 * the upload cannot be completed with another.
 */
async function beginMultipart(location: S3Location, upload: Upload): Promise<string> {
  const checksum =
    upload.checksum === undefined ? {} : ({ ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'FULL_OBJECT' } as const)
  const begun = await withFaults(
    location.client.send(
      new CreateMultipartUploadCommand({
        Bucket: location.bucket,
        Key: objectName(location, upload.key),
        ...objectHeaders(upload),
        ...checksum,
      }),
    ),
  )
  if (begun.UploadId === undefined) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'S3 gave no UploadId')
  return begun.UploadId
}

async function signUploadParts(
  location: S3Location,
  upload: Upload,
  numbers: readonly number[],
  ttl: number,
  now: number,
) {
  const { size } = upload
  const parts = numbers.map((number) => {
    if (size === undefined) return { number, length: undefined }
    const length = partLength(size, partSizeFor(size), number)
    if (length === undefined) throw new AssetError('ERR_UPLOAD_PARTS')
    return { number, length }
  })
  const expiresAt = await presignedEnd(location.client, Math.min(ttl, upload.expiresAt - now), now)
  const name = objectName(location, upload.key)
  return { urls: await presignParts(location, { name, storeId: storeIdOf(upload) }, parts, expiresAt, now), expiresAt }
}

/** All pages, a thousand parts a request. */
async function listAllParts(location: S3Location, upload: Upload): Promise<S3Part[] | undefined> {
  const parts: S3Part[] = []
  let marker: string | undefined
  do {
    const page = await unless(
      'ERR_UPLOAD_NOT_FOUND',
      location.client.send(
        new ListPartsCommand({ ...uploadInput(location, upload), ...(marker && { PartNumberMarker: marker }) }),
      ),
    )
    if (page === undefined) return undefined
    for (const { PartNumber = 0, ETag = '', Size = 0, ChecksumCRC64NVME } of page.Parts ?? []) {
      parts.push({ partNumber: PartNumber, etag: ETag, size: Size, crc64: ChecksumCRC64NVME })
    }
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (marker !== undefined)
  return parts
}

async function completeMultipart(location: S3Location, upload: Upload, parts: readonly StoredPart[]): Promise<Asset> {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  // Not on the condition that the same object is still there: S3 makes the client send all parts again where such a condition fails.
  if (upload.overwrite) await endUploadOf(location, await headObject(location, objectName(location, upload.key)))
  await withFaults(
    location.client.send(
      new CompleteMultipartUploadCommand({
        ...uploadInput(location, upload),
        // S3 compares once more, in the step that publishes: a part replaced since it was listed does not slip through.
        MpuObjectSize: size,
        ...(upload.checksum === undefined
          ? {}
          : { ChecksumCRC64NVME: upload.checksum.value, ChecksumType: 'FULL_OBJECT' }),
        ...(upload.overwrite ? {} : { IfNoneMatch: '*' }),
        MultipartUpload: { Parts: parts.map(completedPart) },
      }),
    ),
  )
  const asset = await describeAsset(location, upload.key)
  if (asset === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  return asset
}

function completedPart(part: StoredPart) {
  const crc64 = 'crc64' in part && typeof part.crc64 === 'string' ? { ChecksumCRC64NVME: part.crc64 } : {}
  return { PartNumber: part.partNumber, ETag: part.etag, ...crc64 }
}

async function abortMultipart(location: S3Location, upload: Upload): Promise<void> {
  const command = new AbortMultipartUploadCommand(uploadInput(location, upload))
  await unless('ERR_UPLOAD_NOT_FOUND', location.client.send(command))
}

function uploadInput(location: S3Location, upload: Upload) {
  return { Bucket: location.bucket, Key: objectName(location, upload.key), UploadId: storeIdOf(upload) }
}

function storeIdOf(upload: Upload): string {
  if (upload.storeId === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
  return upload.storeId
}
