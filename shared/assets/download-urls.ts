import { signFolder, signUrl } from '../cloudfront/signed-url.ts'
import type { PolicySigner } from '../cloudfront/signer.ts'
import { EdgeSignerError, type ErrorCode, ServiceError } from '../errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'
import { downloadNameQuery } from './download-name.ts'
import { isPublic, keyPath, type ObjectKey } from './object-key.ts'

/** A URL that opens one asset. */
export interface DownloadUrl {
  readonly key: ObjectKey
  readonly url: string
  /** Epoch seconds; `undefined` where the URL is permanent. */
  readonly expiresAt: number | undefined
  /** The service that checks it: the CDN, S3, or nobody. */
  readonly checkedBy: 'cdn' | 's3' | 'nobody'
}

/** Signed access to everything below a prefix: `baseUrl`, a file's encoded path, `?` and `querystring`. */
export interface FolderUrl {
  readonly baseUrl: string
  readonly querystring: string
  readonly expiresAt: number | undefined
}

/** A file to make a URL for, and the name to save it under. */
export interface DownloadRequest {
  readonly key: ObjectKey
  readonly fileName?: string | undefined
}

/** Makes download URLs; where an asset lies decides how. */
export interface DownloadUrls {
  /** One URL for each request, in order. @param ttl seconds. @throws ServiceError where nothing can sign. */
  files(requests: readonly DownloadRequest[], ttl: number, now: number): Promise<DownloadUrl[]>
  /** @throws ServiceError; EdgeSignerError `ERR_NOT_IMPLEMENTED` where only single URLs can be signed. */
  folder(prefix: ResourcePrefix, ttl: number, now: number): Promise<FolderUrl>
}

/** S3's own URLs for one asset. */
export type PresignDownload = (
  request: DownloadRequest,
  ttl: number,
  now: number,
) => Promise<{ readonly url: string; readonly expiresAt: number }>

/** Host and origin of the CDN. They differ in the emulation: policies always name https. */
export interface CdnName {
  /** Host in policies. */
  readonly host: string
  /** Origin of the URLs for clients; `https://<host>` when deployed. */
  readonly origin: string
  /** Path before that of every asset, without a slash at its end, where a distribution serves keys below a prefix: `/assets`. */
  readonly basePath?: string
}

/** Dependencies of CDN URLs. */
export interface CdnUrlDependencies {
  /** The first in the order `signed`, `plain`, `presigned` that the stage offers. */
  readonly urls: 'signed' | 'plain' | 'presigned'
  /** `undefined` where nobody told the stage the CDN's name: S3 alone can make URLs then. */
  readonly cdn: CdnName | undefined
  /** @throws ServiceError where there is no usable key. */
  readonly signer: (now: number) => Promise<PolicySigner>
  /** `undefined` where the store has no URLs of its own. */
  readonly presign: PresignDownload | undefined
  readonly fallbackToS3: boolean
  /** Told of each fallback: the code of what failed, and how many URLs. For a warning and a metric. */
  readonly onFallback: (code: ErrorCode, count: number) => void
}

/**
 * URLs of the CDN, or of S3 where the stage says so. A public asset has a permanent URL of the CDN, whatever the stage says;
 * where the CDN's name is not known, one like every other.
 */
export function createCdnUrls(options: CdnUrlDependencies): DownloadUrls {
  return {
    async files(requests, ttl, now) {
      const open = requests.map((request) =>
        isUnsigned(request.key, options) ? plainUrl(request, requireCdn(options)) : undefined,
      )
      const locked = requests.filter((_request, index) => open[index] === undefined)
      const signed = locked.length === 0 ? [] : await signAll(locked, ttl, now, options)
      return open.map((url) => url ?? (signed.shift() as DownloadUrl))
    },
    async folder(prefix, ttl, now) {
      if (options.urls === 'presigned') throw new EdgeSignerError('ERR_NOT_IMPLEMENTED')
      const { host, origin, basePath = '' } = requireCdn(options)
      const path = parseResourcePrefix(basePath + prefix)
      if (options.urls === 'plain') return { baseUrl: origin + path, querystring: '', expiresAt: undefined }
      const expires = now + ttl
      const signer = await options.signer(now)
      // Valid from a minute ago: the clocks of the CDN and of this function need not agree to the second.
      const folder = await signFolder({ host, prefix: path, notBefore: now - 60, expires }, signer)
      return { baseUrl: origin + path, querystring: folder.querystring, expiresAt: expires }
    },
  }
}

function isUnsigned(key: ObjectKey, options: CdnUrlDependencies): boolean {
  return options.urls === 'plain' || (isPublic(key) && options.cdn !== undefined)
}

/** @throws ServiceError `ERR_CONFIG`. */
function requireCdn({ cdn }: CdnUrlDependencies): CdnName {
  if (cdn === undefined) throw new ServiceError('ERR_CONFIG', 'the name of the CDN is not known: configure cdnHost')
  return cdn
}

async function signAll(
  requests: readonly DownloadRequest[],
  ttl: number,
  now: number,
  options: CdnUrlDependencies,
): Promise<DownloadUrl[]> {
  if (options.urls === 'presigned') return presignAll(requests, ttl, now, options)
  try {
    const { host, origin, basePath = '' } = requireCdn(options)
    const signer = await options.signer(now)
    const expires = now + ttl
    return await Promise.all(
      requests.map(async (request) => {
        // Signed as https whatever the client's scheme: the policy's Resource always is.
        // Shorter; the policy is the same. With a name the URL has a query of its own, which the policy spells out.
        const canned = request.fileName === undefined
        const url = await signUrl(`https://${host}${basePath}${pathOf(request)}`, { expires }, signer, canned)
        const shown = origin + url.slice('https://'.length + host.length)
        return { key: request.key, url: shown, expiresAt: expires, checkedBy: 'cdn' } as const
      }),
    )
  } catch (error) {
    // S3 signs only during an outage, and only if the stage chose so: a revocation does not reach S3's URLs.
    if (!options.fallbackToS3 || !(error instanceof ServiceError)) throw error
    options.onFallback(error.code, requests.length)
    return presignAll(requests, ttl, now, options)
  }
}

async function presignAll(
  requests: readonly DownloadRequest[],
  ttl: number,
  now: number,
  { presign }: CdnUrlDependencies,
): Promise<DownloadUrl[]> {
  if (presign === undefined) throw new EdgeSignerError('ERR_NOT_IMPLEMENTED')
  return Promise.all(
    requests.map(async (request) => ({
      key: request.key,
      ...(await presign(request, ttl, now)),
      checkedBy: 's3' as const,
    })),
  )
}

function plainUrl(request: DownloadRequest, { origin, basePath = '' }: CdnName): DownloadUrl {
  return { key: request.key, url: origin + basePath + pathOf(request), expiresAt: undefined, checkedBy: 'nobody' }
}

/** The name is part of the URL, so it is part of what is signed. */
function pathOf({ key, fileName }: DownloadRequest): string {
  return fileName === undefined ? keyPath(key) : `${keyPath(key)}?${downloadNameQuery(fileName)}`
}
