import { type EdgeErrorCode, type ErrorCode, edgeProblems, type Problem } from '../errors.ts'
import type { HttpResponse } from './message.ts'

type Headers = HttpResponse['headers']

/** The answer of a function at the edge for a code. `headers` are added to the response's own. */
export function problemResponse(code: EdgeErrorCode, headers: Headers = []): HttpResponse {
  return writeProblem(code, edgeProblems[code], headers)
}

/**
 * An RFC 9457 problem with the status and fixed text of a table's row. Promises that nothing of the request is in it.
 * `headers` are added to the response's own.
 */
export function writeProblem(code: ErrorCode, [status, title, detail]: Problem, headers: Headers = []): HttpResponse {
  return {
    status,
    headers: [['content-type', 'application/problem+json'], ...refusalHeaders(status), ...headers],
    body: JSON.stringify({ type: `urn:edge-signer:${code}`, title, status, detail, code }),
  }
}

/** What every refusal with this status carries, whatever its body is. */
export function refusalHeaders(status: number): Headers {
  const common: Headers = [
    ['cache-control', 'no-store'],
    ['x-content-type-options', 'nosniff'],
  ]
  // RFC 9110 section 15.5.2: a 401 MUST name a challenge. `Bearer` opens no dialogue in a browser.
  if (status === 401) return [...common, ['www-authenticate', 'Bearer']]
  // RFC 9110 section 10.2.3, in seconds: our own caches try again after that long.
  if (status === 503) return [...common, ['retry-after', '5']]
  // RFC 9110 section 14.3: what was refused were several ranges.
  if (status === 416) return [...common, ['accept-ranges', 'bytes'], ['access-control-expose-headers', 'Accept-Ranges']]
  return common
}
