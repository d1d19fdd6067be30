import { maxEpoch } from '../shared/cloudfront/parse-policy.ts'
import { type PolicyConditions, resourcePolicy } from '../shared/cloudfront/policy.ts'
import { isSignedUrl } from '../shared/cloudfront/signed-request.ts'
import { signFolder, signUrls as signManyUrls, signUrl as signOneUrl } from '../shared/cloudfront/signed-url.ts'
import { EdgeSignerError, InputError } from '../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../shared/grant/resource-prefix.ts'
import { cookieAttributes, type SameSite, setCookie } from '../shared/http/set-cookie.ts'
import { optionsOf, textOf, wrong } from './input.ts'
import { clock, type SigningKeys } from './signing-keys.ts'

/** Times, address and key of a signature. */
export interface SigningOptions {
  readonly keys: SigningKeys
  /** Seconds from now; default 3600. */
  readonly expiresIn?: number
  /** Instead of `expiresIn`. */
  readonly expires?: Date
  /** Makes the policy a custom one. */
  readonly notBefore?: Date
  /** One IPv4 address. Makes the policy a custom one. */
  readonly ipAddress?: string
  /** Default: the clock. */
  readonly now?: Date
}

/**
 * `canned` (`Expires`) is shorter, and covers one URL until one time. `custom` (`Policy`) can have a start and an address.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
 */
export type PolicyKind = 'canned' | 'custom'

/** The URLs of one call, and how they are signed. */
export interface SignUrlsOptions extends SigningOptions {
  /** At most 1,000, `https://…`. Spaces, Unicode and reserved characters are percent-encoded; what is encoded stays. */
  readonly urls: readonly string[]
  /** Default `custom` where the conditions need it, else `canned`. */
  readonly policy?: PolicyKind
}

/** The URL of one call. */
export type SignUrlOptions = Omit<SignUrlsOptions, 'urls'> & { readonly url: string }

/** Max URLs of one call. */
export const maxUrls = 1000

/**
 * Signs one URL.
 *
 * @throws InputError naming the option; ServiceError `ERR_KEYS_UNAVAILABLE`, `ERR_KEYS_INVALID`; GrantError
 *   `ERR_VIEWER_ADDRESS` for an address that is not IPv4.
 * @example
 * const url = await signUrl({ keys, url: 'https://cdn.example.com/users/42/disk.raw', expiresIn: 900 })
 */
export async function signUrl(given: SignUrlOptions): Promise<string> {
  const { url, ...options } = optionsOf(given)
  const [signed = ''] = await signUrls({ ...options, urls: [url] })
  return signed
}

/** Signs many URLs with the same conditions; returned in their order. @throws like `signUrl`; none is signed then. */
export async function signUrls(given: SignUrlsOptions): Promise<string[]> {
  const { urls, policy, ...options } = optionsOf(given)
  if (!Array.isArray(urls) || urls.length > maxUrls) throw wrong('urls', `must be a list of at most ${maxUrls} URLs`)
  const { conditions, now } = readConditions(options)
  const canned = isCanned(policy, conditions)
  const encoded = urls.map(signableUrl)
  const signer = await options.keys.signer(now)
  const [only] = encoded
  return only !== undefined && encoded.length === 1
    ? [await signOneUrl(only, conditions, signer, canned)]
    : signManyUrls(encoded, conditions, signer, canned)
}

/** A folder to sign. */
export interface SignFolderUrlOptions extends SigningOptions {
  /** `https://<host>/<prefix>/`, with or without a `*` at its end. */
  readonly url: string
}

/** A signature for every file of a folder: `baseUrl`, the file's encoded path, `?` and `querystring` make a URL. */
export interface SignedFolderUrl {
  readonly baseUrl: string
  readonly querystring: string
  readonly expiresAt: Date
}

/** Signs a whole folder for use in URLs. @throws like `signUrl`. */
export async function signFolderUrl(given: SignFolderUrlOptions): Promise<SignedFolderUrl> {
  const { url, ...options } = optionsOf(given)
  const { conditions, now } = readConditions(options)
  const folder = { ...parsePrefixUrl(url), ...conditions, notBefore: conditions.notBefore }
  const signed = await signFolder(folder, await options.keys.signer(now))
  return { ...signed, expiresAt: new Date(conditions.expires * 1000) }
}

/** The files that cookies open. */
export interface SignCookiesOptions extends SigningOptions {
  /** A prefix, `https://cdn.example.com/users/42/*`; or one file, without a wildcard. */
  readonly url: string
  /** Default `custom` for a prefix or where the conditions need it, else `canned`. */
  readonly policy?: PolicyKind
}

/** Names of CloudFront's cookies. */
export type CloudFrontCookieName = `CloudFront-${'Policy' | 'Expires' | 'Signature' | 'Key-Pair-Id' | 'Hash-Algorithm'}`

/** Signed cookies. */
export interface SignedCookies {
  readonly cookies: Readonly<Partial<Record<CloudFrontCookieName, string>>>
  /** Host that the cookies are for, without a port. */
  readonly host: string
  /** Narrowest `Path` under which a browser sends the cookies with every request that they open. */
  readonly path: string
  readonly expiresAt: Date
  /** Seconds. */
  readonly maxAge: number
}

/** Signs cookies for a prefix or one file. @throws like `signUrl`. */
export async function signCookies(given: SignCookiesOptions): Promise<SignedCookies> {
  const { url, policy, ...options } = optionsOf(given)
  const { conditions, now } = readConditions(options)
  const isPrefix = typeof url === 'string' && url.endsWith('/*')
  const { host, prefix } = isPrefix ? parsePrefixUrl(url) : fileUrl(signableUrl(url))
  const resource = isPrefix ? `https://${host}${prefix}*` : signableUrl(url)
  if (isPrefix && policy === 'canned') throw wrong('policy', 'must be custom: a canned policy has no wildcard')
  const canned = !isPrefix && isCanned(policy, conditions)
  const signer = await options.keys.signer(now)
  const signed = await signer.sign(resourcePolicy(resource, conditions))
  const cookies: SignedCookies['cookies'] = {
    ...(canned ? { 'CloudFront-Expires': String(conditions.expires) } : { 'CloudFront-Policy': signed.policy }),
    'CloudFront-Signature': signed.signature,
    'CloudFront-Key-Pair-Id': signed.keyPairId,
    ...(signed.hashAlgorithm === undefined ? {} : { 'CloudFront-Hash-Algorithm': signed.hashAlgorithm }),
  }
  const { expires } = conditions
  return {
    cookies,
    host: host.replace(/:\d+$/, ''),
    path: prefix,
    expiresAt: new Date(expires * 1000),
    maxAge: expires - now,
  }
}

function isCanned(policy: PolicyKind | undefined, { notBefore, ipAddress }: PolicyConditions): boolean {
  const needsCustom = notBefore !== undefined || ipAddress !== undefined
  if (policy !== undefined && policy !== 'canned' && policy !== 'custom')
    throw wrong('policy', 'must be canned or custom')
  if (policy === 'canned' && needsCustom)
    throw wrong('policy', 'must be custom: a canned policy has no start and no address')
  return policy === undefined ? !needsCustom : policy === 'canned'
}

function readConditions(options: SigningOptions): { conditions: PolicyConditions; now: number } {
  const { keys, expiresIn, expires, notBefore, ipAddress } = options
  if (typeof keys?.signer !== 'function') throw wrong('keys', 'must be what keysFromPem, keysFromSecret, … return')
  if (ipAddress !== undefined) textOf(ipAddress, 'ipAddress')
  const now = options.now === undefined ? clock() : epoch('now', options.now)
  if (expires !== undefined && expiresIn !== undefined) throw wrong('expires', 'and expiresIn exclude each other')
  if (expiresIn !== undefined && (!Number.isSafeInteger(expiresIn) || expiresIn < 1))
    throw wrong('expiresIn', 'must be whole seconds')
  const end = expires === undefined ? now + (expiresIn ?? 3600) : epoch('expires', expires)
  if (end > maxEpoch) throw wrong(expires === undefined ? 'expiresIn' : 'expires', 'must end before 2038-01-19')
  if (end <= now) throw wrong('expires', 'must be in the future')
  const start = notBefore === undefined ? undefined : epoch('notBefore', notBefore)
  if (start !== undefined && start >= end) throw wrong('notBefore', 'must be before the end')
  return { conditions: { expires: end, notBefore: start, ipAddress }, now }
}

/** Rounded like AWS's signers do. The years catch seconds in place of milliseconds. */
function epoch(option: string, date: Date): number {
  const ms = date instanceof Date ? date.getTime() : Number.NaN
  const seconds = Math.round(ms / 1000)
  if (!(seconds >= earliest && seconds <= 0xffffffff)) throw wrong(option, 'must be a Date of this century')
  return seconds
}

/** 2001-01-01. */
const earliest = 978_307_200

function signableUrl(url: string): string {
  const encoded = typeof url === 'string' ? encodeUrl(url) : undefined
  if (encoded === undefined) throw wrong('url', 'must be an absolute https URL without a user name, fragment or *')
  const question = encoded.indexOf('?')
  if (question >= 0 && isSignedUrl(encoded.slice(question + 1))) throw wrong('url', 'must not be signed already')
  return encoded
}

function fileUrl(url: string): { host: string; prefix: string } {
  const [, host = '', path = ''] = /^https:\/\/([^/]+)([^?]*)/.exec(url) ?? []
  return { host, prefix: path }
}

function parsePrefixUrl(url: string): { host: string; prefix: ResourcePrefix } {
  const [, host, path] = (typeof url === 'string' && /^https:\/\/([a-z0-9.:-]+)(\/[^?#]*\/)\*?$/.exec(url)) || []
  try {
    if (host !== undefined && path !== undefined) return { host, prefix: parseResourcePrefix(path) }
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
  }
  throw wrong('url', 'must be a prefix with each segment percent-encoded: https://cdn.example.com/users/42/*')
}

/** `https://<host>[:port]/…`. No user name: text before an `@` could be mistaken for the host. */
const form = /^https:\/\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?)(\/[^?#]*)(?:\?([^#]*))?$/is

/**
 * Percent-encodes a URL as AWS's own signer does, so that both sign the same bytes: each segment of the path once, parts of
 * the query that are not encoded yet. One difference: `%2A` stays. AWS's signer decodes it to `*`, which is a wildcard in a
 * policy and would open other files.
 *
 * @returns `undefined` for anything that is not an absolute https URL, and for a raw `*`, which would be a wildcard.
 */
function encodeUrl(url: string): string | undefined {
  const [, host, path = '', query] = form.exec(url) ?? []
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  if (host === undefined || /[*\\\u0000-\u001f\u007f]|\p{Surrogate}/u.test(url)) return undefined
  if (/%(?:[01][0-9a-f]|7f|5c|2f)/i.test(path) || path.split('/').some(isDotSegment)) return undefined
  const pairs = (query ?? '').split('&').filter((pair) => pair !== '')
  const encodedQuery = pairs.length === 0 ? '' : `?${pairs.map(encodePair).join('&')}`
  return `https://${host.toLowerCase()}${path.replace(/[^/]+/g, encodeSegment)}${encodedQuery}`
}

/** A browser would remove it and request another path than the one that was signed. */
function isDotSegment(segment: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(segment)
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(decoded(segment)).replaceAll('*', '%2A')
}

/** A `%` that begins no escape is part of the name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function encodePair(pair: string): string {
  const equals = pair.indexOf('=')
  return equals < 0
    ? `${encodeComponent(pair)}=`
    : `${encodeComponent(pair.slice(0, equals))}=${encodeComponent(pair.slice(equals + 1))}`
}

function encodeComponent(component: string): string {
  return component
    .split(/(%[0-9A-Fa-f]{2}|\+)/g)
    .map((part, i) => (i % 2 === 1 ? part.toUpperCase() : encodeURIComponent(part).replaceAll("'", '%27')))
    .join('')
}

/** Attributes of the cookies. `Secure` and `HttpOnly` are always set. */
export interface CookieHeaderOptions {
  /** `example.com`, where the app on `app.example.com` sets cookies for `cdn.example.com`. Default: host-only. */
  readonly domain?: string
  /** Default: the prefix that was signed. */
  readonly path?: string
  /** Default `Lax`. `None` for pages of another site; many browsers block those cookies. */
  readonly sameSite?: SameSite
}

/**
 * Returns one `Set-Cookie` value for each cookie.
 *
 * @throws InputError where a browser would not send the cookies to the signed URLs: `domain` or `path` does not fit.
 * @example
 * for (const value of cookieHeaders(signed, { domain: 'example.com' })) response.appendHeader('Set-Cookie', value)
 */
export function cookieHeaders(signed: SignedCookies, options: CookieHeaderOptions = {}): string[] {
  const { path = optionsOf(signed, 'signed').path, sameSite = 'Lax' } = optionsOf(options)
  const given = options.domain == null ? undefined : textOf(options.domain, 'domain')
  const domain = given?.replace(/^\./, '').toLowerCase()
  // RFC 6265 section 5.1.3: otherwise the CDN never sees them, and answers 403 without a reason.
  if (domain !== undefined && signed.host !== domain && !signed.host.endsWith(`.${domain}`))
    throw new InputError(['domain'], `domain must be ${signed.host} or a parent of it`)
  if (!coversPath(textOf(path, 'path'), signed.path))
    throw new InputError(['path'], `path must be ${signed.path} or a parent of it`)
  if (sameSite !== 'Lax' && sameSite !== 'None') throw new InputError(['sameSite'], 'sameSite must be Lax or None')
  const attributes = cookieAttributes({ path, maxAge: signed.maxAge, domain: domain ?? null, sameSite })
  return Object.entries(signed.cookies).map(([name, value]) => setCookie(name, value, attributes))
}

/** RFC 6265 section 5.1.4. */
function coversPath(path: string, signed: string): boolean {
  return signed === path || (path.startsWith('/') && signed.startsWith(path.endsWith('/') ? path : `${path}/`))
}
