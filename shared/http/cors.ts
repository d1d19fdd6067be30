import type { OriginCheck } from './allowed-origins.ts'
import type { HttpResponse } from './message.ts'

type Headers = HttpResponse['headers']

/** Seconds that a browser may keep a preflight's answer; Chromium keeps none longer. */
const preflightMaxAge = 7200

/**
 * The CORS headers (https://fetch.spec.whatwg.org/#http-cors-protocol) of an answer to a request with this `Origin`.
 * The origin is named, never `*`, because the answers are read with credentials. `Vary` is there for everybody: a cache
 * must not hand one origin's answer to another.
 */
export function corsHeaders(origin: string | undefined, isAllowed: OriginCheck): Headers {
  if (origin === undefined || !isAllowed(origin)) return [['vary', 'Origin']]
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
    ['vary', 'Origin'],
  ]
}

/**
 * The answer to `OPTIONS`: 204 for everybody, with the permissions only for an allowed origin. `methods` are those of the
 * address, `requestHeaders` what a page may send beyond the safelisted ones.
 */
export function preflightResponse(
  origin: string | undefined,
  isAllowed: OriginCheck,
  methods: string,
  requestHeaders: string,
): HttpResponse {
  const headers: [string, string][] = [
    ['allow', methods],
    ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
    ['cache-control', 'no-store'],
  ]
  if (origin !== undefined && isAllowed(origin)) {
    headers.push(
      ['access-control-allow-origin', origin],
      ['access-control-allow-credentials', 'true'],
      ['access-control-allow-methods', methods],
      ['access-control-allow-headers', requestHeaders],
      ['access-control-max-age', String(preflightMaxAge)],
    )
  }
  return { status: 204, headers, body: '' }
}
