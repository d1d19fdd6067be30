import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { partCount, partLength } from '../limits.ts'
import { type CopyRequest, objectHeadersOf } from './copy-request.ts'
import { withFaults } from './faults.ts'
import { copySource, type S3Location } from './location.ts'

/** Bytes of one part of a copy; S3 copies them itself, several at a time. */
const copyPartBytes = 1024 ** 3
const atOnce = 16
/** Of an object up to 48.8 TiB no more than 10,000 parts may be made. */
const partsOf = (size: number) => Math.max(copyPartBytes, Math.ceil(size / 10_000))

/**
 * Copies by parts: objects above 5 GiB, which CopyObject refuses. The target appears in one conditional step; on any
 * failure the parts are dropped.
 */
export async function copyInParts(location: S3Location, request: CopyRequest): Promise<void> {
  const { client, bucket } = location
  const { source, to } = request
  const target = { Bucket: bucket, Key: to }
  const begun = await withFaults(
    client.send(new CreateMultipartUploadCommand({ ...target, ...(request.replace ?? objectHeadersOf(source)) })),
  )
  const upload = { ...target, UploadId: begun.UploadId }
  try {
    const Parts = await copyParts(location, request, upload)
    const condition = request.overwrite ? {} : { IfNoneMatch: '*' }
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
