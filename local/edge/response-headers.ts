import type { CorsPolicy, ResponseHeadersPolicy } from '../template/model.ts'
import { each, joined, some } from './list.ts'

/**
 * What a response headers policy does to a response.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The headers of a response that can be read and written by lower-case name. */
export interface HeaderAccess {
  get(name: string): string | undefined
  set(name: string, value: string): void
  remove(name: string): void
}

/** The parts of a request that CORS depends on. */
export interface CorsRequest {
  readonly method: string
  readonly origin: string | undefined
  /** Whether `Access-Control-Request-Method` came. */
  readonly preflight: boolean
}

/** Applies removals, then CORS, then security and custom headers, as CloudFront orders them. */
export function applyResponseHeaders(policy: ResponseHeadersPolicy, request: CorsRequest, headers: HeaderAccess): void {
  each(policy.remove, (name) => {
    headers.remove(name)
  })
  if (policy.cors !== undefined) applyCors(policy.cors, request, headers)
  each(policy.set, (header) => {
    if (header.override || headers.get(header.name) === undefined) headers.set(header.name, header.value)
  })
}

const corsHeaders = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
]

function applyCors(cors: CorsPolicy, request: CorsRequest, headers: HeaderAccess): void {
  const present = corsHeaders.filter((name) => headers.get(name) !== undefined)
  // One CORS header of the origin, and without OriginOverride nothing of the policy's is added.
  if (present.length > 0 && !cors.override) return
  present.forEach((name) => {
    headers.remove(name)
  })
  const origin = request.origin
  if (origin === undefined) return
  addVary(headers, 'Origin')
  if (!some(cors.origins, (allowed) => matchesOrigin(allowed, origin))) return
  headers.set('access-control-allow-origin', cors.origins.length === 1 && cors.origins[0] === '*' ? '*' : origin)
  if (cors.credentials) headers.set('access-control-allow-credentials', 'true')
  if (cors.exposeHeaders.length > 0) headers.set('access-control-expose-headers', joined(cors.exposeHeaders))
  if (!request.preflight) return
  headers.set('access-control-allow-methods', joined(cors.methods))
  headers.set('access-control-allow-headers', joined(cors.headers))
  if (cors.maxAge !== undefined) headers.set('access-control-max-age', String(cors.maxAge))
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
    /^[A-Za-z0-9.-]+$/.test(middle)
  )
}

function addVary(headers: HeaderAccess, name: string): void {
  const vary = headers.get('vary')
  if (vary === undefined || vary === '') headers.set('vary', name)
  else if (!new RegExp(`(^|[, ])${name}([, ]|$)`, 'i').test(vary)) headers.set('vary', `${vary}, ${name}`)
}
