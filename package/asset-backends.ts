import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { withFaults as withFileFaults } from '../server/store/faults.ts'
import { readFilePieces, saveStreamToFile } from '../server/store/files.ts'
import { prepareLocation } from '../server/store/location.ts'
import { createSecureLinkUrls } from '../server/store/secure-link.ts'
import { createLocalStore } from '../server/store/store.ts'
import { uploadPath } from '../server/upload-paths.ts'
import type { Asset, AssetStore, CdnInvalidation, WriteOptions } from '../shared/assets/asset-store.ts'
import { type CdnName, createCdnUrls, type DownloadUrls } from '../shared/assets/download-urls.ts'
import type { ObjectKey } from '../shared/assets/object-key.ts'
import { readObject } from '../shared/assets/s3/describe.ts'
import { s3ClientDefaults } from '../shared/assets/s3/location.ts'
import { createS3Presign } from '../shared/assets/s3/presign.ts'
import { saveStreamToS3 } from '../shared/assets/s3/save-stream.ts'
import { createS3Store } from '../shared/assets/s3/store.ts'
import { createCloudFrontInvalidation, noInvalidation } from '../shared/aws/edge/cdn-invalidation.ts'
import { AssetError, ServiceError } from '../shared/errors.ts'
import { send } from '../shared/http/https-send.ts'
import { issueUploadToken } from '../shared/uploads/upload-token.ts'
import type { FileAssetsConfig, ParsedAssetsConfig, S3AssetsConfig } from './assets-config.ts'
import { clock, type SigningKeys } from './signing-keys.ts'

/** One place where assets are kept, with all that the operations need of it. */
export interface AssetBackend {
  readonly store: AssetStore
  readonly downloads: DownloadUrls
  readonly cdn: CdnInvalidation
  /** Host of cookies and folder policies; `undefined` where no CDN is configured. */
  readonly cdnName: CdnName | undefined
  readonly keys: SigningKeys | undefined
  readonly saveStream: (
    key: ObjectKey,
    pieces: AsyncIterable<Uint8Array>,
    contentType: string,
    options: WriteOptions & { readonly size: number | undefined },
  ) => Promise<Asset>
  /** Pieces of what is at a key; `undefined` where nothing is. */
  readonly read: (key: ObjectKey) => Promise<AsyncIterable<Uint8Array> | undefined>
  readonly close: () => void
}

/** 128 random bits in base64url. */
export const newId = () => randomBytes(16).toString('base64url')

/** Opens the backend of a config. @throws LocalError where the folders cannot be used. */
export function openBackend(config: ParsedAssetsConfig): Promise<AssetBackend> {
  return config.backend === 's3' ? openS3(config) : openFiles(config)
}

async function openS3(config: ParsedAssetsConfig & S3AssetsConfig): Promise<AssetBackend> {
  const { bucket, region, keys, onWarning, s3 = {}, distributionId } = config
  const client = new S3Client({ ...s3ClientDefaults, region, ...s3 })
  const { keyPrefix, conditionalCopy = 'native' } = config
  const location = { client, bucket, keyPrefix, conditionalCopy }
  const cdnName = cdnNameOf(config.publicBaseUrl)
  return {
    store: createS3Store({ ...location, ticketSeconds: config.ttlSeconds }),
    cdnName,
    keys,
    downloads: createCdnUrls({
      urls: keys !== undefined ? 'signed' : config.unsignedUrls ? 'plain' : 'presigned',
      cdn: cdnName,
      signer: async (now) => {
        if (keys === undefined) throw new ServiceError('ERR_CONFIG', 'keys: no key is configured')
        return keys.signer(now)
      },
      presign: createS3Presign(location),
      fallbackToS3: config.fallbackToS3 ?? false,
      onFallback: (code, count) =>
        onWarning(`${count} URLs were signed by S3, because CloudFront signing failed: ${code}`),
    }),
    cdn: distributionId === undefined ? noInvalidation : invalidation(distributionId, cdnName, client, onWarning),
    saveStream: (key, pieces, contentType, options) => saveStreamToS3(location, key, pieces, contentType, options),
    read: (key) => readObject(location, key),
    close: () => client.destroy(),
  }
}

function invalidation(
  distributionId: string,
  cdn: CdnName | undefined,
  client: S3Client,
  onWarning: (text: string) => void,
): CdnInvalidation {
  return {
    async invalidate(paths) {
      // The write has succeeded by then: a failure is told, and not thrown.
      const onFailure = () => onWarning('CloudFront was not told of a change; its copies live until their TTL ends')
      const current = await client.config.credentials().catch(() => undefined)
      if (current === undefined) return onFailure()
      const connection = { send, credentials: () => current, nowMs: Date.now }
      await createCloudFrontInvalidation({
        distributionId,
        ...connection,
        newReference: newId,
        onFailure,
      }).invalidate(paths.map((path) => (cdn?.basePath ?? '') + path))
    },
  }
}

async function openFiles(config: ParsedAssetsConfig & FileAssetsConfig): Promise<AssetBackend> {
  const { storagePath, uploadsPath, keyPrefix, linkSecret, uploadSecret, keys } = config
  const origin = new URL(config.baseUrl).origin
  const location = await prepareLocation(storagePath, uploadsPath, keyPrefix)
  const now = clock
  return {
    store: createLocalStore({
      location,
      uploadUrl: config.uploadUrl ?? origin + uploadPath,
      ticketSeconds: config.ttlSeconds,
      now,
      async issueToken(upload) {
        if (uploadSecret === undefined) throw new ServiceError('ERR_CONFIG', 'uploadSecret: needed for upload URLs')
        return issueUploadToken(upload, uploadSecret)
      },
    }),
    cdnName: cdnNameOf(origin),
    keys,
    downloads: createSecureLinkUrls({ origin, secret: linkSecret }),
    // There is no cache between nginx and the files.
    cdn: noInvalidation,
    saveStream: (key, pieces, contentType, { overwrite }) =>
      withFileFaults(() => saveStreamToFile(location, key, pieces, contentType, { overwrite, now: now() })),
    read: (key) => withFileFaults(() => readFilePieces(location, key)),
    close: () => {},
  }
}

function cdnNameOf(baseUrl: string | undefined): CdnName | undefined {
  if (baseUrl === undefined) return undefined
  const { host, origin, pathname } = new URL(baseUrl)
  const basePath = pathname.replace(/\/$/, '')
  return basePath === '' ? { host, origin } : { host, origin, basePath }
}

/** Bytes, a stream of them (Node's or the web's), a Blob, or a file by its path. */
export type SaveSource = Uint8Array | Blob | AsyncIterable<Uint8Array> | { readonly file: string }

/** A source, opened. */
export interface SavedPieces {
  /** Where the whole is in memory. */
  readonly bytes: Uint8Array | undefined
  readonly size: number | undefined
  /** To be called once. Throws `ERR_UPLOAD_MISMATCH` where the source has another length than `size`. */
  readonly pieces: () => AsyncIterable<Uint8Array>
}

/**
 * Opens a source.
 *
 * @param declared bytes, where the caller says so.
 * @throws AssetError `ERR_UPLOAD_MISMATCH` where a source whose length is known has another; `ERR_UPLOAD_INCOMPLETE` where it cannot
 *   be read.
 */
export async function savedPieces(source: SaveSource, declared: number | undefined): Promise<SavedPieces> {
  const { known, pieces } = await open(source)
  if (known !== undefined && declared !== undefined && known !== declared) throw mismatch()
  const size = known ?? declared
  const bytes = source instanceof Uint8Array ? source : undefined
  return { bytes, size, pieces: () => ofLength(pieces, size) }
}

async function open(source: SaveSource): Promise<{ known: number | undefined; pieces: () => AsyncIterable<unknown> }> {
  if (source instanceof Uint8Array) return { known: source.length, pieces: () => once(source) }
  if (source instanceof Blob) return { known: source.size, pieces: () => source.stream() }
  if (typeof source === 'object' && source !== null && 'file' in source) {
    const stats = await stat(source.file).catch((cause: unknown) => {
      throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the file cannot be read', { cause })
    })
    if (!stats.isFile()) throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the file is no regular file')
    return { known: stats.size, pieces: () => createReadStream(source.file, { highWaterMark: 1024 ** 2 }) }
  }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return { known: undefined, pieces: () => source }
  }
  throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'a source is bytes, a Blob, a stream or { file }')
}

/** A stream that ends early or late, or fails, must not become a file: whoever reads the pieces sees an error in place of their end. */
async function* ofLength(pieces: () => AsyncIterable<unknown>, size: number | undefined): AsyncIterable<Uint8Array> {
  let sent = 0
  try {
    for await (const piece of pieces()) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      if (!(bytes instanceof Uint8Array))
        throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'a piece of the stream is no bytes')
      sent += bytes.length
      if (size !== undefined && sent > size) throw mismatch()
      yield bytes
    }
  } catch (cause) {
    if (cause instanceof AssetError) throw cause
    throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the stream failed', { cause })
  }
  if (size !== undefined && sent < size) throw mismatch()
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

function mismatch(): AssetError {
  return new AssetError('ERR_UPLOAD_MISMATCH', 'the source has another length than was declared')
}
