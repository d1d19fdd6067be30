import cf from 'cloudfront'
import type {
  FunctionRequest,
  FunctionResponse,
  FunctionValue,
  ViewerRequestEvent,
} from '../../shared/cloudfront/function-event.ts'
import type { FunctionProblem } from '../../shared/cloudfront/function-problem.ts'
import {
  corsAllow,
  generatedHeaders,
  generateProblem,
  generateResponse,
} from '../../shared/cloudfront/function-response.ts'
import { prefixesOf } from '../../shared/grant/path-prefixes.ts'
import { encodeReserved, isCanonicalPath } from '../../shared/http/canonical-path.ts'
import { isMultiRange, isSingleRange } from '../../shared/http/range.ts'
import { reservedPath } from '../../shared/http/reserved-path.ts'
import { parseRevocationValue, revocationKey, stampKeyName } from '../../shared/revocation/key-value.ts'
import type { GuardFunctionConfig } from './config.ts'
import { isGrantedAfter } from './revocation.ts'

declare const __CONFIG__: GuardFunctionConfig

const store = cf.kvs()

/**
 * The guard of the paths that S3 serves (viewer-request): passes a request on unchanged, or answers it.
 *
 * CloudFront has checked the signature before this runs. What is left: the path must mean one thing to everybody, the
 * method must read, a range must be one range, and the prefix must not be revoked. This runs for every range of every
 * viewer, so the common request takes one pass over the path and one look-up.
 */
export async function handler(event: ViewerRequestEvent): Promise<FunctionRequest | FunctionResponse> {
  const request = event.request
  const uri = request.uri
  if (!isCanonicalPath(uri)) return refuse(request, __CONFIG__.problems.ERR_PATH_NOT_CANONICAL)

  const method = request.method
  if (method === 'OPTIONS') return answerPreflight(request)
  if (method !== 'GET' && method !== 'HEAD') return refuse(request, __CONFIG__.problems.ERR_METHOD_NOT_ALLOWED, methods)

  if (reservedPath.test(uri)) return refuse(request, __CONFIG__.problems.ERR_NOT_FOUND)

  if (method === 'GET') {
    const range = request.headers.range
    if (range && isMultiRange(range)) return refuse(request, __CONFIG__.problems.ERR_RANGE_MULTIPLE)
    if (__CONFIG__.rangeOnly !== null && !isSingleRange(range)) {
      const path = encodeReserved(uri)
      if (__CONFIG__.rangeOnly.some((prefix) => path.startsWith(prefix)))
        return refuse(request, __CONFIG__.problems.ERR_RANGE_REQUIRED)
    }
  }

  const segments = uri.split('/')
  const depths = __CONFIG__.depths[`/${segments[1]}`]
  if (depths === undefined) return request
  const prefixes = prefixesOf(segments, depths)
  if (prefixes.some((prefix) => encodeReserved(prefix) !== prefix))
    return refuse(request, __CONFIG__.problems.ERR_PATH_NOT_CANONICAL)
  try {
    let before: number | undefined
    for (let i = 0; i < prefixes.length; i++) {
      const key = revocationKey(prefixes[i] as string)
      // `exists`, because `get` of a missing key throws, which costs more than everything else here.
      if (await store.exists(key)) {
        const entry = await store.get(key)
        before = Math.max(before || 0, parseRevocationValue(entry))
      }
    }
    if (before === undefined) return request
    const stampKey = await store.get(stampKeyName)
    const host = __CONFIG__.host || (request.headers.host as FunctionValue).value.toLowerCase()
    if (isGrantedAfter(before, request, host, prefixes, stampKey)) return request
    return refuse(request, __CONFIG__.problems.ERR_ACCESS_REVOKED)
  } catch {
    // Without the KeyValueStore nobody can say whether access was revoked: closed.
    return refuse(request, __CONFIG__.problems.ERR_STATE_UNAVAILABLE)
  }
}

const methods = 'GET, HEAD, OPTIONS'

/** Fetch standard, "CORS-preflight fetch"; an origin that is not allowed gets the same without the permission. */
function answerPreflight(request: FunctionRequest): FunctionResponse {
  const headers = generatedHeaders(request, __CONFIG__.readers)
  headers.vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'
  headers.allow = methods
  if (headers[`${corsAllow}origin`]) {
    headers[`${corsAllow}methods`] = methods
    headers[`${corsAllow}headers`] = 'Authorization, If-Modified-Since, If-None-Match, If-Range, Range'
    headers['access-control-max-age'] = '7200'
  }
  return generateResponse(204, headers)
}

function refuse(request: FunctionRequest, problem: FunctionProblem, allow?: string): FunctionResponse {
  return generateProblem(problem, request, __CONFIG__.readers, allow)
}
