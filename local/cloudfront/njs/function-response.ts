import type { FunctionResponse, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { NjsRequest } from './njs.ts'

/**
 * What a viewer-response function may do to a response. This file runs in njs: no classes, spread, destructuring, default
 * parameters.
 */

/** Headers that nobody may write, because nginx frames the message: each maps to true. */
export const framing = Object.create(null) as Record<string, true | undefined>
framing.connection = true
framing['content-length'] = true
framing['content-range'] = true
framing['content-encoding'] = true
framing.date = true
framing['transfer-encoding'] = true
framing.via = true

/**
 * The headers that a viewer-response function leaves, and its status. A function that fails fails the response, as at
 * CloudFront: hostile content without its headers must not leave.
 */
export function readResponse(r: NjsRequest, status: number, result: unknown): FunctionValues {
  const response = result as FunctionResponse
  if (response === null || typeof response !== 'object' || typeof response.statusCode !== 'number') {
    throw new Error('FunctionValidationError: the viewer-response function returned no response')
  }
  if (response.statusCode !== status) r.status = response.statusCode
  return response.headers
}
