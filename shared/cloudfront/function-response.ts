import type { FunctionRequest, FunctionResponse, FunctionValues } from './function-event.ts'
import type { FunctionProblem, FunctionReaders } from './function-problem.ts'

/**
 * What CloudFront Functions answer themselves. This file runs in them: no imports but types.
 *
 * A generated response carries every header itself: whether CloudFront adds the response headers policy to it is not
 * documented.
 */

/** Header names in lower case, each with its one value. */
export type GeneratedHeaders = Record<string, string>

/** The beginning of CORS header names; a function may have few bytes. */
export const corsAllow = 'access-control-allow-'

/** Answers with the problem document that every other part of the system has for the code. */
export function generateProblem(
  problem: FunctionProblem,
  request: FunctionRequest,
  readers: FunctionReaders,
  allow?: string,
): FunctionResponse {
  const headers = generatedHeaders(request, readers)
  const code = problem[0]
  const status = problem[1]
  headers['content-type'] = 'application/problem+json'
  if (status === 503) headers['retry-after'] = '5'
  if (status === 416) {
    // RFC 9110 section 14.3: one range would have been served. Exposing permits nothing to an origin that is not allowed.
    headers['accept-ranges'] = 'bytes'
    headers['access-control-expose-headers'] = 'Accept-Ranges'
  }
  if (allow) headers.allow = allow
  const document = {
    type: `urn:edge-signer:${code}`,
    title: problem[2],
    status: status,
    detail: problem[3],
    code: code,
  }
  const response = generateResponse(status, headers)
  response.body = { encoding: 'text', data: JSON.stringify(document) }
  return response
}

/** A response without a body. */
export function generateResponse(statusCode: number, headers: GeneratedHeaders): FunctionResponse {
  const values: FunctionValues = {}
  for (const name in headers) values[name] = { value: headers[name] as string }
  return { statusCode: statusCode, headers: values }
}

/**
 * The headers of every generated response: not stored, not sniffed, and readable by the allowed origins alone.
 * `Vary: Origin` stands there for a refused origin too (Fetch standard, "CORS protocol and HTTP caches").
 */
export function generatedHeaders(request: FunctionRequest, readers: FunctionReaders): GeneratedHeaders {
  const headers: GeneratedHeaders = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': readers.corp,
    vary: 'Origin',
  }
  const origin = request.headers.origin
  if (origin) {
    const value = origin.value
    // `*` in an entry stands for any port or none; in a request it stands for nothing.
    const anyPort = value.replace(/(:\d{1,5})?$/, ':*')
    if (value.indexOf('*') < 0 && readers.allowedOrigins.some((entry) => entry === anyPort || entry === value)) {
      headers[`${corsAllow}origin`] = value
      headers[`${corsAllow}credentials`] = 'true'
    }
  }
  return headers
}
