import type { ErrorCode, Problem } from '../errors.ts'

/**
 * Returns the RFC 9457 document of a code. It has fixed text only and nothing of the request.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but types.
 */
export function problemDocument(code: ErrorCode, problem: Problem) {
  return { type: `urn:edge-signer:${code}`, title: problem[1], status: problem[0], detail: problem[2], code: code }
}
