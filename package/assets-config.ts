import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { ConfigError, EdgeSignerError } from '../shared/errors.ts'
import { parseResourcePrefix } from '../shared/grant/resource-prefix.ts'
import type { SigningKeys } from './signing-keys.ts'

interface CommonConfig {
  /** Before every key in the bucket or folder: `assets` or `assets/`. */
  readonly keyPrefix?: string
  /** Life of URLs in seconds where a call names none; default 3600, max 604,800 (a week). */
  readonly ttlSeconds?: number
  /** Signs URLs of CloudFront, folders and cookies. */
  readonly keys?: SigningKeys
  /** Receives a line for each thing that went on in another way than configured. Default: `console.warn`. */
  readonly onWarning?: (text: string) => void
}

/** Assets in S3 behind CloudFront. */
export interface S3AssetsConfig extends CommonConfig {
  readonly backend: 's3'
  readonly bucket: string
  readonly region: string
  /**
   * What URLs of the CDN begin with: `https://d111.cloudfront.net`, and with the key prefix where its URLs have it,
   * `https://d111.cloudfront.net/assets`.
   */
  readonly publicBaseUrl?: string
  /** Permanent URLs of the CDN for private files, too. Only where the distribution restricts no viewers. */
  readonly unsignedUrls?: boolean
  /** Lets S3 sign where CloudFront signing fails, with a warning. */
  readonly fallbackToS3?: boolean
  /** Makes the CDN forget what was overwritten, deleted or moved. */
  readonly distributionId?: string
  /** Settings of the SDK's client: credentials, endpoint. */
  readonly s3?: S3ClientConfig
  /** `multipart` for servers that ignore `If-None-Match` on a copy. */
  readonly conditionalCopy?: 'native' | 'multipart'
}

/** Assets in a folder of this machine, behind nginx and tusd: the folder of a single server. */
export interface FileAssetsConfig extends CommonConfig {
  readonly backend: 'files'
  readonly storagePath: string
  /** Folder of uploads under way; default: beside `storagePath`, as the single server has it. */
  readonly uploadsPath?: string
  /** Origin of nginx: `https://assets.example.com`. */
  readonly baseUrl: string
  /** The server's `secure_link` secret. */
  readonly linkSecret: string
  /** The server's stamp key, which upload tokens are made with. Needed for `uploadUrl` alone. */
  readonly uploadSecret?: string
  /** Where uploads are created; default `<baseUrl>/files/`. */
  readonly uploadUrl?: string
}

/** Where assets are kept. */
export type AssetsConfig = S3AssetsConfig | FileAssetsConfig

/** A config after every check. */
export type ParsedAssetsConfig = AssetsConfig & {
  /** Empty, or ends in `/`. */
  readonly keyPrefix: string
  readonly ttlSeconds: number
  readonly onWarning: (text: string) => void
}

/** The longest life of a presigned URL. */
const maxTtl = 604_800

/** Checks a config. @throws ConfigError naming the field and what it should be, never its value. */
export function parseAssetsConfig(config: AssetsConfig): ParsedAssetsConfig {
  if (typeof config !== 'object' || config === null) throw wrong('config', 'must be an object')
  const { backend, ttlSeconds = 3600, onWarning = console.warn, keys } = config
  if (backend !== 's3' && backend !== 'files') throw wrong('backend', 'must be s3 or files')
  if (!isWholeSeconds(ttlSeconds)) throw wrong('ttlSeconds', `must be whole seconds from 1 to ${maxTtl}`)
  if (typeof onWarning !== 'function') throw wrong('onWarning', 'must be a function')
  if (keys !== undefined && typeof keys?.signer !== 'function')
    throw wrong('keys', 'must be what keysFromPem, keysFromSecret, … return')
  const common = { keyPrefix: parseKeyPrefix(config.keyPrefix), ttlSeconds, onWarning }
  if (backend === 's3') {
    requireText(config, 'bucket', /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    requireText(config, 'region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'must be an AWS Region such as eu-west-1')
    // A text such as 'false' would count as true, and make every URL permanent.
    requireFlag(config.unsignedUrls, 'unsignedUrls')
    requireFlag(config.fallbackToS3, 'fallbackToS3')
    const { conditionalCopy, s3 } = config
    if (config.distributionId !== undefined)
      requireText(
        config,
        'distributionId',
        /^[A-Z0-9]{1,32}$/,
        'must be the id of a distribution, such as E2QWRUHAPOMQZL',
      )
    if (conditionalCopy !== undefined && conditionalCopy !== 'native' && conditionalCopy !== 'multipart')
      throw wrong('conditionalCopy', 'must be native or multipart')
    if (s3 !== undefined && (typeof s3 !== 'object' || s3 === null)) throw wrong('s3', 'must be an object')
    const needsCdn = config.keys !== undefined || config.unsignedUrls === true
    if (needsCdn && config.publicBaseUrl === undefined) throw wrong('publicBaseUrl', 'is needed for URLs of the CDN')
    if (config.publicBaseUrl !== undefined) requireBaseUrl(config.publicBaseUrl, 'publicBaseUrl')
    return { ...config, ...common }
  }
  requireText(config, 'storagePath', /^\/[^\0]*$/, 'must be an absolute path')
  if (config.uploadsPath !== undefined) requireText(config, 'uploadsPath', /^\/[^\0]*$/, 'must be an absolute path')
  if (config.uploadUrl !== undefined) requireBaseUrl(config.uploadUrl, 'uploadUrl')
  requireText(config, 'linkSecret', /^.{16,}$/, 'must have at least 16 characters')
  if (config.uploadSecret !== undefined)
    requireText(config, 'uploadSecret', /^[A-Za-z0-9_-]{43,512}$/, 'must be base64url of at least 32 bytes')
  requireBaseUrl(config.baseUrl, 'baseUrl')
  if (new URL(config.baseUrl).pathname !== '/') throw wrong('baseUrl', 'must be an origin, without a path')
  return { ...config, ...common }
}

/** Returns true for a life that every signature can have. */
export function isWholeSeconds(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= maxTtl
}

function parseKeyPrefix(prefix = ''): string {
  if (typeof prefix !== 'string') throw wrong('keyPrefix', 'must be a text')
  const whole = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  try {
    if (whole !== '') parseResourcePrefix(`/${whole}`)
    return whole
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
    throw wrong('keyPrefix', 'must be segments of letters, digits and ._~-, such as assets/v1')
  }
}

function requireFlag(value: unknown, field: string): void {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(field, 'must be true or false')
}

function requireBaseUrl(value: string, field: string): void {
  const isLoopback = /^http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+\.localhost)(:\d+)?(\/|$)/
  const form = /^https?:\/\/[a-z0-9.-]+(:\d+)?(\/[\w.~-]+)*\/?$/
  if (typeof value === 'string' && form.test(value) && (value.startsWith('https:') || isLoopback.test(value))) return
  throw wrong(field, 'must be an https URL without a query, such as https://d111.cloudfront.net')
}

function requireText<T extends object>(config: T, field: keyof T & string, form: RegExp, rule: string): void {
  const value: unknown = config[field]
  if (typeof value !== 'string' || !form.test(value)) throw wrong(field, rule)
}

function wrong(field: string, rule: string): ConfigError {
  return new ConfigError(`${field}: ${rule}`)
}
