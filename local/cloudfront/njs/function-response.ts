import type { FunctionResponse, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { NjsRequest } from './njs.ts'

/**
 * What a viewer-response function may do to a response. This file runs in njs: no classes, spread, destructuring, default
 * parameters.
 */

/** Whether nobody may write the header `name`: nginx frames the message. */
export function isFraming(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'content-length':
    case 'content-range':
    case 'content-encoding':
    case 'date':
    case 'transfer-encoding':
    case 'via':
      return true
    default:
      return false
  }
}

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
