import { anyOrigin, type HttpResponse, isOpenToAll } from '../http/message.ts'

/**
 * The CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol) of every part that answers: one list of request
 * headers, one list of exposed headers, one age. The response headers policies, CloudFront Functions, the session function, the
 * API and download links take theirs from here.
 *
 * An answer that is read with credentials names its origin. `*` goes to pages of other origins where a stage allows all of them; browsers
 * then refuse to send credentials.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but of such files.
 */

type Headers = HttpResponse['headers']

/** Seconds that a browser may keep a preflight's answer. Chromium keeps none longer than two hours. */
export const preflightMaxAge = 86_400

/** Request headers that a page may send beyond the safelisted ones: with reads, to the session endpoint and to the API. */
export const requestHeaders = [
  'Authorization',
  'Content-Type',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'Range',
] as const

/** Response headers that a page may read: all that a Range reader needs. */
export const exposedHeaders = [
  'Accept-Ranges',
  'Content-Range',
  'Content-Length',
  'Content-Encoding',
  'ETag',
  'Last-Modified',
] as const

/**
 * The CORS headers of an answer to a request with this `Origin`. `Vary` is there for every origin and without one: a cache
 * must not hand one origin's answer to another.
 */
export function corsHeaders(origin: string | undefined, readers: CorsReaders): Headers {
  return permission(origin, readers).concat([['vary', 'Origin']])
}

/**
 * The headers of the answer to `OPTIONS`. An origin that is not allowed gets them without the permissions.
 *
 * @param methods of the address, as `Allow` has them.
 */
export function preflightHeaders(origin: string | undefined, readers: CorsReaders, methods: string): Headers {
  const common: Headers = [
    ['allow', methods],
    ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ]
  const allowed = permission(origin, readers)
  if (allowed.length === 0) return common
  return common.concat(allowed, [
    ['access-control-allow-methods', methods],
    ['access-control-allow-headers', requestHeaders.join(', ')],
    ['access-control-max-age', String(preflightMaxAge)],
  ])
}

/** The whole answer to `OPTIONS`: 204 for everybody. */
export function preflightResponse(origin: string | undefined, readers: CorsReaders, methods: string): HttpResponse {
  return { status: 204, headers: preflightHeaders(origin, readers, methods), body: '' }
}

/** Empty where the origin is not allowed. */
function permission(origin: string | undefined, readers: CorsReaders): Headers {
  if (origin === undefined) return []
  if (!readers.isAllowed(origin)) return readers.isOpen ? [['access-control-allow-origin', anyOrigin]] : []
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
  ]
}

/** Returns true for an `Origin` that the stage allows. */
export type OriginCheck = (origin: string) => boolean

/** Pages that may read answers. */
export interface CorsReaders {
  /** Origins that may read with credentials. */
  readonly isAllowed: OriginCheck
  /** True if pages of every origin may read without credentials. */
  readonly isOpen: boolean
}

/** Returns the entries as browsers write them: without a default port (RFC 6454 section 6.2). */
export function normaliseAllowedOrigins(allowed: readonly string[]): string[] {
  return allowed.map((origin) => origin.replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2'))
}

/**
 * Returns true if `origin` matches one of the entries of `allowedOrigins`. An entry is an origin such as
 * `https://app.example.com`; its port may be `*`, which matches any port and none. Scheme and host are compared whole:
 * `https://app.example.com.evil.test` is another site.
 *
 * @param allowed from `normaliseAllowedOrigins`. Read by index only: lists that njs preloads have no methods.
 */
export function isAllowedOrigin(allowed: readonly string[], origin: string): boolean {
  // A `*` in a request is no wildcard.
  if (origin.indexOf('*') >= 0) return false
  const anyPort = origin.replace(/(:\d{1,5})?$/, ':*')
  for (let i = 0; i < allowed.length; i++) if (allowed[i] === origin || allowed[i] === anyPort) return true
  return false
}

/** Returns the readers for `allowedOrigins` of the config, and `own` origins beside them. */
export function parseReaders(allowed: readonly string[], own: readonly string[]): CorsReaders {
  return { isAllowed: parseAllowedOrigins(allowed.concat(own)), isOpen: isOpenToAll(allowed) }
}

/** Returns the check for `allowedOrigins` of the config. */
export function parseAllowedOrigins(allowed: readonly string[]): OriginCheck {
  const entries = normaliseAllowedOrigins(allowed)
  return (origin) => isAllowedOrigin(entries, origin)
}
