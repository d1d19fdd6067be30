import type { AssetStore, CdnInvalidation } from '../../shared/assets/asset-store.ts'
import {
  type CdnName,
  createCdnUrls,
  type DownloadUrls,
  type PresignDownload,
} from '../../shared/assets/download-urls.ts'
import { createPolicySigner, type KmsSign, type PolicySigner } from '../../shared/cloudfront/signer.ts'
import { parseGrantTemplate } from '../../shared/grant/template.ts'
import { parseAllowedOrigins } from '../../shared/http/allowed-origins.ts'
import { newestUsableKey, type SigningKey } from '../../shared/keys/key-document.ts'
import { embeddedMetric } from '../../shared/operations/embedded-metric.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { createSessionTrust, type SessionTrustSources } from '../../shared/session/session-trust.ts'
import type { ApiFunctionConfig } from './config.ts'
import type { ApiServices } from './services.ts'

/** What the API's surroundings give it. */
export interface ApiSurroundings extends SessionTrustSources {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  /** `undefined` where the distribution is somebody else's and its name is not configured. */
  readonly cdnName: CdnName | undefined
  /** The store's own download URLs, where it has any. */
  readonly presign: PresignDownload | undefined
  /** In place of the CDN's URLs: a single server has its own. */
  readonly downloads?: DownloadUrls
  /** Where revocations are written. */
  readonly openRevocations: () => Promise<RevocationStores>
  readonly kmsSign?: KmsSign
  readonly now: () => number
  readonly newId: () => string
  readonly log: ApiServices['log']
}

/** Wires the API. Fetches nothing yet. */
export function createApiServices(config: ApiFunctionConfig, around: ApiSurroundings): ApiServices {
  const trust = createSessionTrust(config.session, around)
  return {
    config,
    templates: config.grants.map(parseGrantTemplate),
    isAllowedOrigin: parseAllowedOrigins([...config.allowedOrigins, ...ownOrigins(config, around.cdnName)]),
    ...trust,
    openRevocations: around.openRevocations,
    store: around.store,
    cdn: around.cdn,
    downloads: around.downloads ?? cdnUrls(config, around, trust.keys),
    now: around.now,
    newId: around.newId,
    log: around.log,
  }
}

/** Those of pages that come from the distribution itself, under whichever of its names. */
function ownOrigins({ aliases }: ApiFunctionConfig, cdnName: CdnName | undefined): string[] {
  return [...(cdnName === undefined ? [] : [cdnName.origin]), ...aliases.map((alias) => `https://${alias}`)]
}

function cdnUrls(
  { downloads, stageName }: ApiFunctionConfig,
  around: ApiSurroundings,
  keys: ApiServices['keys'],
): DownloadUrls {
  const signers = new WeakMap<SigningKey, PolicySigner>()
  return createCdnUrls({
    urls: downloads.urls,
    cdn: around.cdnName,
    presign: around.presign,
    fallbackToS3: downloads.fallbackToS3,
    async signer(now) {
      const key = newestUsableKey(await keys(now), now)
      const signer = signers.get(key) ?? createPolicySigner(key, around.kmsSign)
      signers.set(key, signer)
      return signer
    },
    onFallback: (code, count) =>
      around.log({
        level: 'warn',
        message: 'download URLs were signed by S3 because CloudFront signing failed',
        code,
        ...embeddedMetric('DownloadFallback', count, stageName, around.now()),
      }),
  })
}
