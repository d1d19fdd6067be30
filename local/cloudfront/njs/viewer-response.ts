import type { FunctionValue, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour } from '../edge-config.ts'
import { framing } from './function-response.ts'
import { addValue, joinLines, linesOf, readHeaders } from './function-values.ts'
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
  for (const name in headers) {
    const value = headers[name] as FunctionValue
    values[name] = value.multiValue === undefined ? value.value : joinLines(value, '\n')
  }
  return values
}

/**
 * Writes what differs from `before`, which is used up. Every header of every response comes by here, so each value is read
 * where it lies, and `headersOut` is asked for once.
 */
export function writeChanges(r: NjsRequest, before: Snapshot, after: FunctionValues): void {
  const out = r.headersOut
  const names = Object.keys(after)
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const value = after[name]
    if (value === undefined) continue
    const text = value.multiValue === undefined ? value.value : joinLines(value, '\n')
    const was = before[name]
    if (was !== undefined) before[name] = undefined
    if (text !== was && framing[name] === undefined)
      out[name] = value.multiValue === undefined ? String(text) : written(value)
  }
  for (const name in before) if (before[name] !== undefined && framing[name] === undefined) out[name] = undefined
}

/** Writes the headers of a response that a function made; nginx counts the bytes. */
export function writeHeaders(r: NjsRequest, headers: FunctionValues): void {
  const out = r.headersOut
  Object.keys(headers).forEach((name) => {
    const value = headers[name]
    if (value !== undefined && name !== 'content-length') out[name] = written(value)
  })
}

function written(value: FunctionValue): string | string[] {
  if (value.multiValue === undefined) return String(value.value)
  const lines = linesOf(value)
  return lines.length === 1 ? String(lines[0]) : lines
}
