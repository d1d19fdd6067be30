import type { FunctionValue, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour } from '../edge-config.ts'
import type { CorsPolicy, ResponseHeadersPolicy } from '../template/model.ts'
import { framing } from './function-response.ts'
import { addValue, joinLines, linesOf, readHeaders } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { joined, some } from './querystring.ts'

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

/**
 * What a response headers policy does to a response.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The parts of a request that CORS depends on. */
interface CorsRequest {
  readonly origin: string | undefined
  /** An `OPTIONS` with `Access-Control-Request-Method`. */
  readonly preflight: boolean
}

/** Applies removals, then CORS, then security and custom headers, as CloudFront orders them. */
export function applyResponseHeaders(
  policy: ResponseHeadersPolicy,
  request: CorsRequest,
  headers: FunctionValues,
): void {
  for (let i = 0; i < policy.remove.length; i++) delete headers[policy.remove[i] as string]
  if (policy.cors !== undefined) applyCors(policy.cors, request, headers)
  const set = policy.set
  const count = set.length
  for (let i = 0; i < count; i++) {
    const header = set[i] as ResponseHeadersPolicy['set'][number]
    const name = header.name
    if (header.override || headers[name] === undefined) headers[name] = { value: header.value }
  }
}

const corsHeaders = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
]

function applyCors(cors: CorsPolicy, request: CorsRequest, headers: FunctionValues): void {
  for (let i = 0; i < corsHeaders.length; i++) {
    const name = corsHeaders[i] as string
    if (headers[name] === undefined) continue
    // One CORS header of the origin, and without OriginOverride nothing of the policy's is added.
    if (!cors.override) return
    delete headers[name]
  }
  const origin = request.origin
  if (origin === undefined) return
  addVary(headers, 'Origin')
  if (!some(cors.origins, (allowed) => matchesOrigin(allowed, origin))) return
  headers['access-control-allow-origin'] = {
    value: cors.origins.length === 1 && cors.origins[0] === '*' ? '*' : origin,
  }
  if (cors.credentials) headers['access-control-allow-credentials'] = { value: 'true' }
  if (cors.exposeHeaders.length > 0) headers['access-control-expose-headers'] = { value: joined(cors.exposeHeaders) }
  if (!request.preflight) return
  headers['access-control-allow-methods'] = { value: joined(cors.methods) }
  headers['access-control-allow-headers'] = { value: joined(cors.headers) }
  if (cors.maxAge !== undefined) headers['access-control-max-age'] = { value: String(cors.maxAge) }
}

/** `*` stands for anything within one part: a subdomain or a port. */
function matchesOrigin(allowed: string, origin: string): boolean {
  if (allowed === '*' || allowed === origin) return true
  const star = allowed.indexOf('*')
  if (star < 0) return false
  const start = allowed.slice(0, star)
  const end = allowed.slice(star + 1)
  const middle = origin.slice(start.length, origin.length - end.length)
  return (
    origin.length > start.length + end.length &&
    origin.slice(0, start.length) === start &&
    origin.slice(origin.length - end.length) === end &&
    (start.slice(-1) === ':' ? /^[0-9]+$/ : /^[A-Za-z0-9.-]+$/).test(middle)
  )
}

function addVary(headers: FunctionValues, name: string): void {
  const vary = headers.vary === undefined ? '' : headers.vary.value
  if (vary === '') headers.vary = { value: name }
  else if (!new RegExp(`(^|[, ])${name}([, ]|$)`, 'i').test(vary)) headers.vary = { value: `${vary}, ${name}` }
}
