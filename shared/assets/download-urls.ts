import { signFolder, signUrl } from '../cloudfront/signed-url.ts'
import type { PolicySigner } from '../cloudfront/signer.ts'
import { EdgeSignerError, type ErrorCode, ServiceError } from '../errors.ts'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { downloadNameQuery } from './download-name.ts'
import { isPublic, keyPath, type ObjectKey } from './object-key.ts'

/** A URL that opens one asset. */
export interface DownloadUrl {
  readonly key: ObjectKey
  readonly url: string
  /** Epoch seconds; `undefined` where the URL is permanent. */
  readonly expiresAt: number | undefined
  /** Who checks it: the CDN, S3, or nobody. */
  readonly checkedBy: 'cdn' | 's3' | 'nobody'
}

/** What opens everything below a prefix: a file's encoded path goes behind `baseUrl`, then `?` and `querystring`. */
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

/** The CDN, as policies and as clients name it. */
export interface CdnName {
  /** As policies name it. */
  readonly host: string
  /** What URLs for clients begin with; `https://<host>` when deployed. */
  readonly origin: string
}

/** What CDN URLs are made with. */
export interface CdnUrlOptions {
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
 * URLs of the CDN, or of S3 where the stage says so. A public asset has a permanent URL of the CDN, whatever the stage says; where the
 * CDN's name is not known, one like every other.
 */
export function createCdnUrls(options: CdnUrlOptions): DownloadUrls {
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
      const { host, origin } = requireCdn(options)
      if (options.urls === 'plain') return { baseUrl: origin + prefix, querystring: '', expiresAt: undefined }
      const expires = now + ttl
      const signer = await options.signer(now)
      // Valid from a minute ago: the clocks of the CDN and of this function need not agree to the second.
      const folder = await signFolder({ host, prefix, notBefore: now - 60, expires }, signer)
      return { baseUrl: origin + prefix, querystring: folder.querystring, expiresAt: expires }
    },
  }
}

function isUnsigned(key: ObjectKey, options: CdnUrlOptions): boolean {
  return options.urls === 'plain' || (isPublic(key) && options.cdn !== undefined)
}

/** @throws ServiceError `ERR_CONFIG`. */
function requireCdn({ cdn }: CdnUrlOptions): CdnName {
  if (cdn === undefined) throw new ServiceError('ERR_CONFIG', 'the name of the CDN is not known: configure cdnHost')
  return cdn
}

async function signAll(
  requests: readonly DownloadRequest[],
  ttl: number,
  now: number,
  options: CdnUrlOptions,
): Promise<DownloadUrl[]> {
  if (options.urls === 'presigned') return presignAll(requests, ttl, now, options)
  try {
    const { host, origin } = requireCdn(options)
    const signer = await options.signer(now)
    const expires = now + ttl
    return await Promise.all(
      requests.map(async (request) => {
        // Signed as https whatever the client's scheme: the policy's Resource always is.
        const url = await signUrl(`https://${host}${pathOf(request)}`, { expires }, signer)
        const shown = origin + url.slice('https://'.length + host.length)
        return { key: request.key, url: shown, expiresAt: expires, checkedBy: 'cdn' } as const
      }),
    )
  } catch (error) {
    // Only an outage of ours may open the other way, and only where the stage chose so: S3's URLs know no revocation.
    if (!options.fallbackToS3 || !(error instanceof ServiceError)) throw error
    options.onFallback(error.code, requests.length)
    return presignAll(requests, ttl, now, options)
  }
}

async function presignAll(
  requests: readonly DownloadRequest[],
  ttl: number,
  now: number,
  { presign }: CdnUrlOptions,
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

function plainUrl(request: DownloadRequest, { origin }: CdnName): DownloadUrl {
  return { key: request.key, url: origin + pathOf(request), expiresAt: undefined, checkedBy: 'nobody' }
}

/** The name is part of the URL, so it is part of what is signed. */
function pathOf({ key, fileName }: DownloadRequest): string {
  return fileName === undefined ? keyPath(key) : `${keyPath(key)}?${downloadNameQuery(fileName)}`
}
