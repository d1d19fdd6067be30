import type { AssetStore, CdnInvalidation } from '../../shared/assets/asset-store.ts'
import { createCdnUrls, type DownloadUrls, type PresignDownload } from '../../shared/assets/download-urls.ts'
import { createPolicySigner, type KmsSign, type PolicySigner } from '../../shared/cloudfront/signer.ts'
import { ServiceError } from '../../shared/errors.ts'
import { parseGrantTemplate } from '../../shared/grant/template.ts'
import { parseAllowedOrigins } from '../../shared/http/allowed-origins.ts'
import { type KeyDocument, newestUsableKey, parseKeyDocument, type SigningKey } from '../../shared/keys/key-document.ts'
import { RefreshingCache } from '../../shared/keys/refreshing-cache.ts'
import { parseRevocationState } from '../../shared/revocation/state.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { createSessionVerifier } from '../../shared/session/session.ts'
import { keySetKeys, sharedSecretKeys } from '../../shared/session/session-keys.ts'
import type { ApiFunctionConfig } from './config.ts'
import type { ApiServices } from './services.ts'

/** What the API's surroundings give it. */
export interface ApiSurroundings {
  readonly store: AssetStore
  readonly cdn: CdnInvalidation
  /** The CDN's host, as policies name it. */
  readonly cdnHost: string
  /** What URLs for clients begin with; `https://<cdnHost>` when deployed. */
  readonly cdnOrigin: string
  /** The store's own download URLs, where it has any. */
  readonly presign: PresignDownload | undefined
  /** In place of the CDN's URLs: a single server has its own. */
  readonly downloads?: DownloadUrls
  /** The text of the key document. */
  readonly loadKeys: () => Promise<string>
  /** The text of the revocation state; `undefined` where nothing was ever revoked. */
  readonly loadState: () => Promise<string | undefined>
  /** Where revocations are written. */
  readonly openRevocations: () => Promise<RevocationStores>
  readonly loadKeySet: (url: string) => Promise<unknown>
  readonly kmsSign?: KmsSign
  readonly now: () => number
  readonly newId: () => string
  readonly random: () => number
  readonly log: ApiServices['log']
}

/** The same times as the session function's: a rotated key and a revocation reach both alike. In seconds. */
const keyTimes = { softTtl: 300, hardTtl: 3600 }
const stateTimes = { softTtl: 30, hardTtl: 300 }

/** Wires the API. Fetches nothing yet. */
export function createApiServices(config: ApiFunctionConfig, around: ApiSurroundings): ApiServices {
  const { random, log } = around
  const keyCache = new RefreshingCache({
    load: async () => parseKeyDocument(await around.loadKeys()),
    random,
    ...keyTimes,
  })
  const stateCache = new RefreshingCache({
    load: async () => {
      const json = await around.loadState()
      return json === undefined ? { revocations: [] } : parseRevocationState(json)
    },
    random,
    ...stateTimes,
  })
  const keys = (now: number) => keyCache.get(now)
  const isConfiguredOrigin = parseAllowedOrigins(config.allowedOrigins)
  return {
    config,
    templates: config.grants.map(parseGrantTemplate),
    isAllowedOrigin: (origin) => origin === around.cdnOrigin || isConfiguredOrigin(origin),
    verifier: createSessionVerifier(config.session, sessionKeys(config, around, keys)),
    keys,
    revocations: (now) => stateCache.get(now),
    openRevocations: around.openRevocations,
    store: around.store,
    cdn: around.cdn,
    downloads: around.downloads ?? cdnUrls(config, around, keys),
    now: around.now,
    newId: around.newId,
    log,
  }
}

function cdnUrls(
  { downloads }: ApiFunctionConfig,
  around: ApiSurroundings,
  keys: (now: number) => Promise<KeyDocument>,
): DownloadUrls {
  const signers = new WeakMap<SigningKey, PolicySigner>()
  return createCdnUrls({
    urls: downloads.urls,
    host: around.cdnHost,
    origin: around.cdnOrigin,
    presign: around.presign,
    fallbackToS3: downloads.fallbackToS3,
    async signer(now) {
      const key = newestUsableKey(await keys(now), now)
      const signer = signers.get(key) ?? createPolicySigner(key, around.kmsSign)
      signers.set(key, signer)
      return signer
    },
    onFallback: (code, count) => around.log(fallbackEntry(code, count, around.now())),
  })
}

/**
 * The warning is at the same time a metric in CloudWatch's embedded format.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
function fallbackEntry(code: string, count: number, now: number) {
  const metric = { Name: 'DownloadFallback', Unit: 'Count' }
  return {
    level: 'warn',
    message: 'download URLs were signed by S3 because CloudFront signing failed',
    code,
    DownloadFallback: count,
    _aws: {
      Timestamp: now * 1000,
      CloudWatchMetrics: [{ Namespace: 'EdgeSigner', Dimensions: [[]], Metrics: [metric] }],
    },
  }
}

function sessionKeys(
  { session }: ApiFunctionConfig,
  around: ApiSurroundings,
  keys: (now: number) => Promise<KeyDocument>,
) {
  if (session.algorithms.includes('HS256')) return sharedSecretKeys(async (now) => (await keys(now)).sessionSecret)
  const { jwks, jwksUrl } = session
  const load = jwksUrl === null ? undefined : () => around.loadKeySet(jwksUrl)
  return keySetKeys(jwks, load)
}

/**
 * Fetches the app's JWK Set. A redirect is refused: the address in the config is the one that was trusted.
 *
 * @throws ServiceError `ERR_JWKS_UNAVAILABLE`.
 */
export async function fetchKeySet(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(1500),
  })
  if (!response.ok) throw new ServiceError('ERR_JWKS_UNAVAILABLE')
  return response.json()
}
