import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateMultipartUploadCommand,
  type HeadObjectCommandOutput,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import { maxCopyBytes, maxParts, partCount, partLength } from '../limits.ts'
import { headObject } from './describe.ts'
import type { WriteCondition } from './ended.ts'
import { s3Fault, withFaults } from './faults.ts'
import { copySource, type S3Location } from './location.ts'

/** Source of a copy, and headers that it is served with. */
export interface CopyRequest {
  /** Full names in the bucket. */
  readonly from: string
  readonly to: string
  readonly source: HeadObjectCommandOutput
  readonly headers: ObjectHeaders
}

/** Headers that an object is served with, and its user metadata. */
export type ObjectHeaders = Pick<
  CopyObjectCommandInput,
  'ContentType' | 'ContentDisposition' | 'ContentEncoding' | 'ContentLanguage' | 'CacheControl' | 'Metadata'
>

/** Of an object as HeadObject gives it. */
export function objectHeadersOf(head: HeadObjectCommandOutput): ObjectHeaders {
  const { ContentType, ContentDisposition, ContentEncoding, ContentLanguage, CacheControl, Metadata } = head
  return { ContentType, ContentDisposition, ContentEncoding, ContentLanguage, CacheControl, Metadata }
}

/**
 * Copies one object as it was when its `source` was read; a source that has changed since is not copied.
 *
 * S3 itself refuses where the target is not as the condition says, so of two copies at the same time one wins. Looking first is
 * not that guarantee; it gives the right answer on servers that ignore the header.
 *
 * @throws AssetError `ERR_ASSET_EXISTS` where the condition does not hold; `ERR_ASSET_NOT_FOUND` where the source is gone or has
 *   changed.
 */
export async function copyObject(location: S3Location, request: CopyRequest, condition: WriteCondition): Promise<void> {
  const { source } = request
  const isNew = 'IfNoneMatch' in condition
  if (isNew && (await headObject(location, request.to)) !== undefined) throw new AssetError('ERR_ASSET_EXISTS')
  const size = source.ContentLength ?? 0
  try {
    if (size > maxCopyBytes || (isNew && location.conditionalCopy === 'multipart')) {
      await copyInParts(location, request, condition)
      return
    }
    await location.client.send(
      new CopyObjectCommand({
        Bucket: location.bucket,
        Key: request.to,
        CopySource: copySource(location, request.from),
        CopySourceIfMatch: source.ETag,
        ...condition,
        MetadataDirective: 'REPLACE',
        ...request.headers,
      }),
    )
  } catch (error) {
    throw await refusalOf(location, request, error)
  }
}

/** The same 412 and 404 stand for source and target; only the source tells which. */
async function refusalOf(location: S3Location, request: CopyRequest, error: unknown): Promise<Error> {
  const fault = s3Fault(error)
  if (fault.code !== 'ERR_ASSET_EXISTS' && fault.code !== 'ERR_ASSET_NOT_FOUND') return fault
  const now = await headObject(location, request.from)
  return new AssetError(now?.ETag === request.source.ETag ? 'ERR_ASSET_EXISTS' : 'ERR_ASSET_NOT_FOUND', undefined, {
    cause: error,
  })
}

/** Bytes of one part of a copy; S3 copies them itself, several at a time. */
const copyPartBytes = 1024 ** 3
const atOnce = 16
const partsOf = (size: number) => Math.max(copyPartBytes, Math.ceil(size / maxParts))

/**
 * Copies by parts: objects above 5 GiB, which CopyObject refuses. The target appears in one conditional step; on any
 * failure the parts are dropped.
 */
async function copyInParts(location: S3Location, request: CopyRequest, condition: WriteCondition): Promise<void> {
  const { client, bucket } = location
  const target = { Bucket: bucket, Key: request.to }
  const begun = await withFaults(client.send(new CreateMultipartUploadCommand({ ...target, ...request.headers })))
  const upload = { ...target, UploadId: begun.UploadId }
  try {
    const Parts = await copyParts(location, request, upload)
    await client.send(new CompleteMultipartUploadCommand({ ...upload, ...condition, MultipartUpload: { Parts } }))
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {
      // The lifecycle rule for incomplete uploads drops what this could not.
    })
    await withFaults(Promise.reject(error))
  }
}

type UploadInput = { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined }

async function copyParts(location: S3Location, request: CopyRequest, upload: UploadInput) {
  const size = request.source.ContentLength ?? 0
  const partSize = partsOf(size)
  const parts: { PartNumber: number; ETag: string | undefined }[] = []
  const copyPart = async (number: number) => {
    // A range of an empty object does not exist: its one part is sent.
    const ETag = size === 0 ? await emptyPart(location, upload) : await copiedPart(location, request, upload, number)
    parts.push({ PartNumber: number, ETag })
  }
  const numbers = Array.from({ length: partCount(size, partSize) }, (_, index) => index + 1)
  for (let first = 0; first < numbers.length; first += atOnce) {
    await Promise.all(numbers.slice(first, first + atOnce).map(copyPart))
  }
  return parts.sort((a, b) => a.PartNumber - b.PartNumber)
}

async function copiedPart(location: S3Location, request: CopyRequest, upload: UploadInput, number: number) {
  const size = request.source.ContentLength ?? 0
  const partSize = partsOf(size)
  const first = (number - 1) * partSize
  const last = first + (partLength(size, partSize, number) ?? 0) - 1
  const { CopyPartResult } = await location.client.send(
    new UploadPartCopyCommand({
      ...upload,
      PartNumber: number,
      CopySource: copySource(location, request.from),
      CopySourceRange: `bytes=${first}-${last}`,
      CopySourceIfMatch: request.source.ETag,
    }),
  )
  return CopyPartResult?.ETag
}

async function emptyPart(location: S3Location, upload: UploadInput) {
  const sent = await location.client.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: new Uint8Array() }))
  return sent.ETag
}
