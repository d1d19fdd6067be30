import { setTimeout as wait } from 'node:timers/promises'
import type { AssetStore, CdnInvalidation } from '../../shared/assets/asset-store.ts'
import { createCdnUrls, type DownloadUrls, type PresignDownload } from '../../shared/assets/download-urls.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { cachedSigners, type KmsSign } from '../../shared/cloudfront/signer.ts'
import { originsOf } from '../../shared/config/cdn-hosts.ts'
import { newestUsableKey } from '../../shared/keys/key-document.ts'
import { embeddedMetric } from '../../shared/operations/embedded-metric.ts'
import { type CorsReaders, parseReaders } from '../../shared/read/cors.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import {
  createSessionTrust,
  type SessionTrust,
  type SessionTrustDependencies,
} from '../../shared/session/session-trust.ts'
import type { UploadDependencies } from '../../shared/uploads/ticket.ts'
import { isUploadRevoked } from '../../shared/uploads/upload-token.ts'
import type { ApiFunctionConfig } from './config.ts'

/** Everything that outlives a request. Deployed and local services differ in their dependencies only. */
export interface ApiServices extends SessionTrust {
  readonly config: ApiFunctionConfig
  /** Pages that may read answers. Those with credentials may change state: the configured origins and the CDN's own. */
  readonly readers: CorsReaders
  /** Opens the stores of revocations. They are opened on demand, so that no other request waits for them. */
  readonly openRevocations: () => Promise<RevocationStores>
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  readonly uploads: UploadDependencies
  readonly downloads: DownloadUrls
  /** Epoch seconds; read once for each request. */
  readonly now: () => number
  /** Writes one line of the log, without secrets. */
  readonly log: (entry: Readonly<Record<string, unknown>>) => void
}

/** Dependencies of the API. */
export interface ApiDependencies extends SessionTrustDependencies {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  /** Origin of the CDN's URLs; `undefined` if the distribution belongs to another stack and its host is not configured. */
  readonly cdnOrigin: string | undefined
  /** Makes download URLs of the store itself, if it has any. */
  readonly presign: PresignDownload | undefined
  /** In place of the CDN's URLs: a single server has its own. */
  readonly downloads?: DownloadUrls
  readonly openRevocations: () => Promise<RevocationStores>
  readonly kmsSign?: KmsSign
  readonly now: () => number
  /** 128 random bits in base64url. */
  readonly newId: () => string
  readonly log: ApiServices['log']
}

/** Wires the API. Fetches nothing yet. */
export function createApiServices(config: ApiFunctionConfig, dependencies: ApiDependencies): ApiServices {
  const { store, cdn, now, newId, log, openRevocations } = dependencies
  const trust = createSessionTrust(config.session, dependencies)
  const { keys, revocations } = trust
  const isRevoked = async (upload: Upload) => isUploadRevoked(await revocations(now()), upload)
  return {
    config,
    readers: parseReaders(config.allowedOrigins, ownOrigins(config, dependencies.cdnOrigin)),
    ...trust,
    openRevocations,
    store,
    cdn,
    uploads: { ...config.uploads, store, cdn, keys, revocations, isRevoked, newId, wait },
    downloads: dependencies.downloads ?? cdnUrls(config, dependencies, keys),
    now,
    log,
  }
}

/** Returns the origins of pages that come from the distribution itself, under any of its hosts. */
function ownOrigins({ hosts }: ApiFunctionConfig, cdnOrigin: string | undefined): string[] {
  return [...(cdnOrigin === undefined ? [] : [cdnOrigin]), ...originsOf(hosts)]
}

function cdnUrls(
  { downloads, stageName }: ApiFunctionConfig,
  dependencies: ApiDependencies,
  keys: ApiServices['keys'],
): DownloadUrls {
  const { cdnOrigin } = dependencies
  const signerOf = cachedSigners(dependencies.kmsSign)
  return createCdnUrls({
    urls: downloads.urls,
    cdn: cdnOrigin === undefined ? undefined : { host: new URL(cdnOrigin).host, origin: cdnOrigin },
    presign: dependencies.presign,
    fallbackToS3: downloads.fallbackToS3,
    signer: async (now) => signerOf(newestUsableKey(await keys(now), now)),
    onFallback: (code, count) =>
      dependencies.log({
        level: 'warn',
        message: 'download URLs were signed by S3 because CloudFront signing failed',
        code,
        ...embeddedMetric('DownloadFallback', count, stageName, dependencies.now()),
      }),
  })
}
