/**
 * S3 in memory, at the level of the SDK's commands: strong consistency, conditional PUT, COPY, complete and DELETE, ETags, multipart
 * uploads, lists in pages, whole-object checksums, and presigned requests whose signatures are verified. A command takes effect in one
 * step. `onStep` runs before and after each; what it throws is an outage, or the end of the process that called.
 *
 * It answers as S3 is documented to (conditional requests: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html);
 * test/e2e/s3 runs the same suite on a real server.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Crc64Nvme } from '@aws-sdk/checksums/crc'
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import type { UploadRequest } from '../../shared/assets/asset-store.ts'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { requireSignature } from './presigned.ts'

/** Called around each command. */
export type OnStep = (command: string, phase: 'before' | 'after') => void | Promise<void>

/** A bucket and a client of it. */
export interface MemoryS3 {
  readonly client: S3Client
  readonly bucket: string
  /** By name, in no order. */
  readonly objects: ReadonlyMap<string, MemoryObject>
  /** Milliseconds; goes on by itself with the real clock unless a test sets it. */
  now: () => number
  onStep: OnStep
  /** Sends a presigned request as a client would; the status of the answer. */
  deliver(request: UploadRequest, body: Uint8Array): Promise<number>
}

/** An object as it is stored. */
export interface MemoryObject {
  readonly body: Uint8Array
  readonly etag: string
  readonly modifiedMs: number
  readonly headers: Headers
  readonly checksum: Checksum | undefined
}

type Checksum = { readonly ChecksumSHA256?: string; readonly ChecksumCRC64NVME?: string }
/** Headers of a request that S3 stores beside its body. */
type Headers = Readonly<Record<string, unknown>>
type Input = Readonly<Record<string, unknown>> & { readonly Key: string }
type Part = { readonly body: Uint8Array; readonly etag: string; readonly modifiedMs: number }

interface MultipartUpload {
  readonly key: string
  readonly headers: Headers
  readonly parts: Map<number, Part>
}

const secret = { accessKeyId: 'AKIDMEMORY', secretAccessKey: 'secret-of-a-bucket-in-memory' }
const kept = ['ContentType', 'ContentDisposition', 'ContentEncoding', 'ContentLanguage', 'CacheControl', 'Metadata']

/** Client that signs and resolves endpoints. One serves all buckets: creating it takes longer than most tests. */
const realClient = new S3Client({ ...s3ClientDefaults, region: 'us-east-1', credentials: secret, forcePathStyle: true })

/** An empty bucket. */
export function createMemoryS3(bucket = 'bucket'): MemoryS3 {
  const objects = new Map<string, MemoryObject>()
  const uploads = new Map<string, MultipartUpload>()

  const put = (key: string, body: Uint8Array, headers: Headers, etag = md5(body), checksum?: Checksum) => {
    objects.set(key, { body, etag, modifiedMs: s3.now(), headers, checksum })
    return { ETag: etag }
  }
  const partsOf = (input: Input): MultipartUpload => {
    const upload = uploads.get(String(input.UploadId))
    if (upload?.key !== input.Key) throw fault('NoSuchUpload', 404)
    return upload
  }
  const commands: Record<string, (input: Input) => object | Promise<object>> = {
    HeadBucketCommand: () => ({}),
    HeadObjectCommand: ({ Key }) => describe(objects.get(Key) ?? missing('NotFound')),
    GetObjectCommand: ({ Key }) => {
      const object = objects.get(Key) ?? missing('NoSuchKey')
      const Body = Object.assign(Readable.from([object.body]), {
        transformToString: async () => Buffer.from(object.body).toString(),
      })
      return { ...describe(object), Body }
    },
    PutObjectCommand: async (input) => {
      const body = bytesOf(input.Body)
      const checksum = await checksumsOf(input, body)
      requireCondition(objects.get(input.Key), input)
      return put(input.Key, body, pick(input), undefined, checksum)
    },
    CopyObjectCommand: (input) => {
      const source = objects.get(sourceOf(input)) ?? missing('NoSuchKey')
      if (input.CopySourceIfMatch !== undefined && input.CopySourceIfMatch !== source.etag)
        throw fault('PreconditionFailed', 412)
      requireCondition(objects.get(input.Key), input)
      const headers = input.MetadataDirective === 'REPLACE' ? pick(input) : source.headers
      return { CopyObjectResult: put(input.Key, source.body, headers, undefined, source.checksum) }
    },
    DeleteObjectCommand: (input) => {
      const there = objects.get(input.Key)
      if (input.IfMatch !== undefined) {
        if (there === undefined) missing('NoSuchKey')
        else if (there.etag !== input.IfMatch) throw fault('PreconditionFailed', 412)
      }
      objects.delete(input.Key)
      return {}
    },
    ListObjectsV2Command: (input) => {
      const {
        Prefix = '',
        StartAfter,
        MaxKeys = 1000,
      } = input as { Prefix?: string; StartAfter?: string; MaxKeys?: number }
      const names = [...objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      const found = names.filter(
        (name) => name.startsWith(Prefix) && (StartAfter === undefined || isAfter(name, StartAfter)),
      )
      const Contents = found.slice(0, MaxKeys).map((name) => {
        const { body, etag, modifiedMs } = objects.get(name) as MemoryObject
        return { Key: encodeURIComponent(name), Size: body.length, ETag: etag, LastModified: wholeSecond(modifiedMs) }
      })
      return { EncodingType: 'url', IsTruncated: found.length > MaxKeys, ...(Contents.length > 0 ? { Contents } : {}) }
    },
    CreateMultipartUploadCommand: (input) => {
      const UploadId = randomBytes(12).toString('hex')
      uploads.set(UploadId, { key: input.Key, headers: pick(input), parts: new Map() })
      return { UploadId }
    },
    UploadPartCommand: (input) => {
      const body = bytesOf(input.Body)
      partsOf(input).parts.set(Number(input.PartNumber), { body, etag: md5(body), modifiedMs: s3.now() })
      return { ETag: md5(body) }
    },
    UploadPartCopyCommand: (input) => {
      const source = objects.get(sourceOf(input)) ?? missing('NoSuchKey')
      if (input.CopySourceIfMatch !== source.etag) throw fault('PreconditionFailed', 412)
      const [first = 0, last = 0] = String(input.CopySourceRange).replace('bytes=', '').split('-').map(Number)
      const body = source.body.slice(first, last + 1)
      partsOf(input).parts.set(Number(input.PartNumber), { body, etag: md5(body), modifiedMs: s3.now() })
      return { CopyPartResult: { ETag: md5(body) } }
    },
    ListPartsCommand: (input) => {
      const after = Number(input.PartNumberMarker ?? 0)
      const all = [...partsOf(input).parts].sort(([a], [b]) => a - b).filter(([number]) => number > after)
      const page = all.slice(0, 1000)
      return {
        Parts: page.map(([PartNumber, { body, etag }]) => ({ PartNumber, ETag: etag, Size: body.length })),
        IsTruncated: all.length > page.length,
        NextPartNumberMarker: String(page.at(-1)?.[0] ?? 0),
      }
    },
    CompleteMultipartUploadCommand: async (input) => {
      const { parts, headers } = partsOf(input)
      const named = (input.MultipartUpload as { Parts: { PartNumber: number; ETag: string }[] }).Parts
      const chosen = named.map(({ PartNumber, ETag }) => {
        const part = parts.get(PartNumber)
        if (part === undefined || part.etag !== ETag) throw fault('InvalidPart', 400)
        return part
      })
      const body = Buffer.concat(chosen.map((part) => part.body))
      if (input.MpuObjectSize !== undefined && input.MpuObjectSize !== body.length) throw fault('InvalidRequest', 400)
      const checksum = await checksumsOf(input, body)
      requireCondition(objects.get(input.Key), input)
      const hashes = Buffer.concat(chosen.map(({ etag }) => Buffer.from(etag.slice(1, -1), 'hex')))
      uploads.delete(String(input.UploadId))
      return put(input.Key, body, headers, `${md5(hashes).slice(0, -1)}-${chosen.length}"`, checksum)
    },
    AbortMultipartUploadCommand: (input) => {
      partsOf(input)
      uploads.delete(String(input.UploadId))
      return {}
    },
  }

  const run = async (name: string, input: Input): Promise<object> => {
    await s3.onStep(name, 'before')
    const command = commands[name]
    if (command === undefined) throw new Error(`${name} is not in memory`)
    const output = await command(input)
    await s3.onStep(name, 'after')
    return output
  }

  const client: S3Client = Object.create(realClient)
  client.send = ((command: { constructor: { name: string }; input: Input }) =>
    run(command.constructor.name, command.input)) as unknown as S3Client['send']

  const s3: MemoryS3 = {
    client,
    bucket,
    objects,
    now: Date.now,
    onStep: () => {},
    async deliver(request, body) {
      const url = new URL(request.url)
      const Key = decodeURIComponent(url.pathname.slice(`/${bucket}/`.length))
      try {
        if (request.fields !== undefined) {
          // The policy of a form is signed by the SDK; this bucket takes it at its word.
          const { key = '', 'Content-Type': ContentType, 'x-amz-meta-upload': upload } = request.fields
          await commands.PutObjectCommand?.({ Key: key, Body: body, ContentType, Metadata: { upload } })
          return 204
        }
        const headers = { ...request.headers, 'content-length': String(body.length), host: url.host }
        requireSignature(request.method, url, headers, secret.secretAccessKey)
        if (url.searchParams.has('uploadId')) {
          const part = { UploadId: url.searchParams.get('uploadId'), PartNumber: url.searchParams.get('partNumber') }
          await commands.UploadPartCommand?.({ Key, Body: body, ...part })
          return 200
        }
        await commands.PutObjectCommand?.({ Key, Body: body, ...inputOf(headers) })
        return 200
      } catch (error) {
        if (error instanceof S3ServiceException) return error.$metadata.httpStatusCode ?? 500
        throw error
      }
    },
  }
  return s3
}

/** A command's input from the headers of a request. */
function inputOf(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  return {
    ContentType: headers['content-type'],
    IfNoneMatch: headers['if-none-match'],
    Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice('x-amz-meta-'.length), value])),
    ChecksumSHA256: headers['x-amz-checksum-sha256'],
    ChecksumCRC64NVME: headers['x-amz-checksum-crc64nvme'],
  }
}

function describe({ body, etag, modifiedMs, headers, checksum }: MemoryObject): object {
  return {
    ContentLength: body.length,
    ETag: etag,
    LastModified: wholeSecond(modifiedMs),
    ...headers,
    ...checksum,
    ...(checksum === undefined ? {} : { ChecksumType: 'FULL_OBJECT' }),
  }
}

function requireCondition(there: MemoryObject | undefined, { IfNoneMatch, IfMatch }: Input): void {
  if (IfNoneMatch === '*' && there !== undefined) throw fault('PreconditionFailed', 412)
  if (IfMatch === undefined) return
  if (there === undefined) missing('NoSuchKey')
  else if (there.etag !== IfMatch) throw fault('PreconditionFailed', 412)
}

async function checksumsOf(input: Input, body: Uint8Array): Promise<Checksum | undefined> {
  const sha256 = createHash('sha256').update(body).digest('base64')
  const crc = new Crc64Nvme()
  crc.update(body)
  const crc64 = Buffer.from(await crc.digest()).toString('base64')
  const { ChecksumSHA256, ChecksumCRC64NVME, ChecksumAlgorithm } = input
  if (ChecksumSHA256 !== undefined && ChecksumSHA256 !== sha256) throw fault('BadDigest', 400)
  if (ChecksumCRC64NVME !== undefined && ChecksumCRC64NVME !== crc64) throw fault('BadDigest', 400)
  if (ChecksumSHA256 !== undefined || ChecksumAlgorithm === 'SHA256') return { ChecksumSHA256: sha256 }
  return ChecksumCRC64NVME === undefined ? undefined : { ChecksumCRC64NVME: crc64 }
}

function pick(input: Input): Headers {
  const headers = Object.fromEntries(kept.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])))
  return { Metadata: {}, ...headers }
}

function sourceOf(input: Input): string {
  const [, ...segments] = String(input.CopySource).split('/')
  return segments.map(decodeURIComponent).join('/')
}

function bytesOf(body: unknown): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body) : Uint8Array.from(body as Uint8Array)
}

function md5(body: Uint8Array): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}

function isAfter(name: string, other: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(other)) > 0
}

/** S3 tells the second. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000)
}

function missing(name: string): never {
  throw fault(name, 404)
}

function fault(name: string, status: number): S3ServiceException {
  return new S3ServiceException({ name, $fault: 'client', message: name, $metadata: { httpStatusCode: status } })
}
