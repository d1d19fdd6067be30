import type { FunctionRequest, FunctionResponse } from '../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour, EdgeConfig } from './edge-config.ts'
import { addValue, readHeaders, valuesOf } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { applyResponseHeaders, type HeaderAccess } from './response-headers.ts'
import { type FunctionModule, functionEvent } from './viewer-request.ts'

/**
 * What happens to a response on its way to the viewer: the response headers policy, then the viewer-response function.
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** Headers that a function may not write: nginx frames the message. */
const framing = [
  'connection',
  'content-length',
  'content-range',
  'content-encoding',
  'date',
  'transfer-encoding',
  'via',
]

/** Applies the policy of a behaviour, errors included. */
export function applyPolicy(behaviour: EdgeBehaviour, r: NjsRequest): void {
  if (behaviour.responseHeaders === null) return
  applyResponseHeaders(
    behaviour.responseHeaders,
    {
      method: r.method,
      origin: r.headersIn.Origin,
      preflight: r.method === 'OPTIONS' && r.headersIn['Access-Control-Request-Method'] !== undefined,
    },
    headersOf(r),
  )
}

/**
 * Runs the viewer-response function. It must end before this returns: nginx sends the headers then. A function that fails
 * fails the response, as at CloudFront: hostile content without its headers must not leave.
 */
export function runViewerResponse(
  config: EdgeConfig,
  module: FunctionModule,
  request: FunctionRequest,
  r: NjsRequest,
): void {
  const event = functionEvent(config, 'viewer-response', r)
  const response = functionResponse(r)
  const before = response.headers
  const names = Object.keys(before)
  const values = names.map((name) => valuesOf(before, name).join(', '))
  event.request = request
  event.response = response
  const result = module.handler(event) as FunctionResponse
  if (result === null || typeof result !== 'object' || typeof result.statusCode !== 'number') {
    throw new Error('FunctionValidationError: the viewer-response function returned no response')
  }
  if (result.statusCode !== r.status) r.status = result.statusCode
  names.forEach((name) => {
    if (result.headers[name] === undefined && framing.indexOf(name) < 0) setHeader(r, name, undefined)
  })
  Object.keys(result.headers).forEach((name) => {
    if (framing.indexOf(name) >= 0) return
    const lines = valuesOf(result.headers, name)
    const index = names.indexOf(name)
    if (index < 0 || values[index] !== lines.join(', ')) setHeader(r, name, lines)
  })
}

function functionResponse(r: NjsRequest): FunctionResponse {
  const headers = readHeaders(r.rawHeadersOut)
  // nginx keeps these two apart from the header lines.
  const type = r.headersOut['Content-Type']
  if (type !== undefined && headers['content-type'] === undefined) addValue(headers, 'content-type', String(type))
  return { statusCode: r.status, statusDescription: '', headers: headers, cookies: {} }
}

/** Reads and writes the response's headers by lower-case name. */
export function headersOf(r: NjsRequest): HeaderAccess {
  return {
    get: (name) => {
      const value = r.headersOut[name]
      return value === undefined ? undefined : String(value)
    },
    set: (name, value) => {
      setHeader(r, name, [value])
    },
    remove: (name) => {
      setHeader(r, name, undefined)
    },
  }
}

/** Writes a header, or removes it. */
export function setHeader(r: NjsRequest, name: string, lines: readonly string[] | undefined): void {
  if (lines === undefined) r.headersOut[name] = undefined
  else r.headersOut[name] = lines.length === 1 ? String(lines[0]) : lines.slice()
}
