import type { FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { CorsPolicy, ResponseHeadersPolicy } from '../template/model.ts'
import { joined, some } from './list.ts'

/**
 * What a response headers policy does to a response.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The parts of a request that CORS depends on. */
export interface CorsRequest {
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
