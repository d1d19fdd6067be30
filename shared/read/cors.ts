import type { HttpResponse } from '../http/message.ts'

/**
 * The CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol) of every part that answers: one list of request
 * headers, one list of exposed headers, one age. The response headers policies, CloudFront Functions, the session function, the
 * API and download links take theirs from here.
 *
 * An answer names its origin, never `*`, because it is read with credentials.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but types.
 */

type Headers = HttpResponse['headers']

/** Seconds that a browser may keep a preflight's answer. Chromium keeps none longer than two hours. */
export const preflightMaxAge = 86_400

/** Request headers that a page may send with a read, beyond the safelisted ones. */
export const readRequestHeaders = ['Authorization', 'If-Modified-Since', 'If-None-Match', 'If-Range', 'Range'] as const

/** Request headers of the session endpoint and the API. `Content-Type` is for JSON bodies, which no read has. */
export const bodyRequestHeaders = ['Authorization', 'Content-Type'] as const

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
export function corsHeaders(origin: string | undefined, isAllowed: OriginCheck): Headers {
  return permission(origin, isAllowed).concat([['vary', 'Origin']])
}

/**
 * The headers of the answer to `OPTIONS`. An origin that is not allowed gets them without the permissions.
 *
 * @param methods of the address, as `Allow` has them.
 * @param requestHeaders beyond the safelisted ones.
 */
export function preflightHeaders(
  origin: string | undefined,
  isAllowed: OriginCheck,
  methods: string,
  requestHeaders: readonly string[],
): Headers {
  const common: Headers = [
    ['allow', methods],
    ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ]
  const allowed = permission(origin, isAllowed)
  if (allowed.length === 0) return common
  return common.concat(allowed, [
    ['access-control-allow-methods', methods],
    ['access-control-allow-headers', requestHeaders.join(', ')],
    ['access-control-max-age', String(preflightMaxAge)],
  ])
}

/** The whole answer to `OPTIONS`: 204 for everybody. */
export function preflightResponse(
  origin: string | undefined,
  isAllowed: OriginCheck,
  methods: string,
  requestHeaders: readonly string[],
): HttpResponse {
  return { status: 204, headers: preflightHeaders(origin, isAllowed, methods, requestHeaders), body: '' }
}

/** Empty where the origin is not allowed. */
function permission(origin: string | undefined, isAllowed: OriginCheck): Headers {
  if (origin === undefined || !isAllowed(origin)) return []
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
  ]
}

/** Returns true for an `Origin` that the stage allows. */
export type OriginCheck = (origin: string) => boolean

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

/** Returns the check for `allowedOrigins` of the config. */
export function parseAllowedOrigins(allowed: readonly string[]): OriginCheck {
  const entries = normaliseAllowedOrigins(allowed)
  return (origin) => isAllowedOrigin(entries, origin)
}
