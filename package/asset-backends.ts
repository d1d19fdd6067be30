import { randomBytes } from 'node:crypto'
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
import { ServiceError } from '../shared/errors.ts'
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
