import type { FunctionRequest, FunctionValues } from '../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour, EdgeConfig } from './edge-config.ts'
import { isFraming, readResponse } from './function-response.ts'
import { addValue, readHeaders, valuesOf } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { applyResponseHeaders } from './response-headers.ts'
import { type FunctionHandler, functionEvent } from './viewer-request.ts'

/**
 * What happens to a response on its way to the viewer: the response headers policy, then the viewer-response function. Both
 * work on a copy of the headers, and only what changed is written back: a write into nginx costs more than both together.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The response's headers by lower-case name. */
export function responseHeaders(r: NjsRequest): FunctionValues {
  const headers = readHeaders(r.rawHeadersOut)
  // nginx keeps this one apart from the header lines.
  const type = r.headersOut['Content-Type']
  if (type !== undefined && headers['content-type'] === undefined) addValue(headers, 'content-type', String(type))
  return headers
}

/** Applies the policy of a behaviour, errors included. */
export function applyPolicy(behaviour: EdgeBehaviour, r: NjsRequest, headers: FunctionValues): void {
  if (behaviour.responseHeaders === null) return
  const preflight = r.method === 'OPTIONS' && r.headersIn['Access-Control-Request-Method'] !== undefined
  applyResponseHeaders(behaviour.responseHeaders, { origin: r.headersIn.Origin, preflight: preflight }, headers)
}

/**
 * Runs the viewer-response function and gives the headers that it leaves. It must end before this returns: nginx sends the
 * headers then.
 */
export function runViewerResponse(
  config: EdgeConfig,
  handler: FunctionHandler,
  request: FunctionRequest,
  headers: FunctionValues,
  r: NjsRequest,
): FunctionValues {
  const event = functionEvent(config, 'viewer-response', r)
  event.request = request
  event.response = { statusCode: r.status, statusDescription: '', headers: headers, cookies: {} }
  return readResponse(r, r.status, handler(event))
}

/** Writes what differs from `before`, the values that were there, joined, by name. */
export function writeChanges(r: NjsRequest, before: Record<string, string>, after: FunctionValues): void {
  const names = Object.keys(after)
  for (let i = 0; i < names.length; i++) {
    const name = String(names[i])
    if (!isFraming(name) && joinedValue(after, name) !== before[name]) setHeader(r, name, valuesOf(after, name))
  }
  const old = Object.keys(before)
  for (let i = 0; i < old.length; i++) {
    const name = String(old[i])
    if (after[name] === undefined && !isFraming(name)) setHeader(r, name, undefined)
  }
}

/** The values as they are now, to be compared with later ones. */
export function snapshot(headers: FunctionValues): Record<string, string> {
  const values: Record<string, string> = {}
  const names = Object.keys(headers)
  for (let i = 0; i < names.length; i++) values[String(names[i])] = joinedValue(headers, String(names[i]))
  return values
}

function joinedValue(headers: FunctionValues, name: string): string {
  const present = headers[name]
  if (present === undefined) return ''
  return present.multiValue === undefined ? present.value : valuesOf(headers, name).join('\n')
}

/** Writes a header, or removes it. */
export function setHeader(r: NjsRequest, name: string, lines: readonly string[] | undefined): void {
  if (lines === undefined) r.headersOut[name] = undefined
  else r.headersOut[name] = lines.length === 1 ? String(lines[0]) : lines.slice()
}
