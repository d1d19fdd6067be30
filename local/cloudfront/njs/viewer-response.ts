import type { FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour } from '../edge-config.ts'
import { isFraming } from './function-response.ts'
import { addValue, joinedValue, readHeaders, valueIn, valuesOf } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { applyResponseHeaders } from './response-headers.ts'

/**
 * The headers of a response on its way to the viewer. Policy and viewer-response function work on a copy, and only what changed
 * is written back: a write into nginx costs more than both together.
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

/** Header values as they were, joined, by name: to be compared with later ones. */
export type Snapshot = Record<string, string | undefined>

/** The values as they are now. */
export function snapshot(headers: FunctionValues): Snapshot {
  const values = Object.create(null) as Snapshot
  for (const name in headers) values[name] = joinedValue(headers, name, '\n')
  return values
}

/** Writes what differs from `before`. */
export function writeChanges(r: NjsRequest, before: Snapshot, after: FunctionValues): void {
  const names = Object.keys(after)
  for (let i = 0; i < names.length; i++) {
    const name = String(names[i])
    if (joinedValue(after, name, '\n') !== before[name] && !isFraming(name)) setHeader(r, name, valuesOf(after, name))
  }
  for (const name in before) if (valueIn(after, name) === undefined && !isFraming(name)) setHeader(r, name, undefined)
}

/** Writes a header, or removes it. */
export function setHeader(r: NjsRequest, name: string, lines: readonly string[] | undefined): void {
  if (lines === undefined) r.headersOut[name] = undefined
  else r.headersOut[name] = lines.length === 1 ? String(lines[0]) : lines.slice()
}
