import type { FunctionRequest, FunctionResponse } from '../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour, EdgeConfig } from './edge-config.ts'
import { readCookies, readHeaders, readQuerystring, valuesOf, writeQuerystring } from './function-values.ts'
import { some } from './list.ts'
import type { NjsRequest } from './njs.ts'
import { normalisePath, type RawTarget } from './path.ts'
import { stripSignature } from './querystring.ts'

/**
 * Running a CloudFront Function on viewer-request: the event that it gets, and what its answer means.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The `handler` of a deployed function. */
export type FunctionHandler = (event: unknown) => unknown

/** What becomes of the request. */
export type Outcome =
  | {
      readonly kind: 'forward'
      readonly target: RawTarget
      readonly request: FunctionRequest
      readonly changed: boolean
    }
  | { readonly kind: 'respond'; readonly response: FunctionResponse }
  | { readonly kind: 'fail'; readonly status: 502 | 503; readonly reason: string }

/** The event's context and viewer, the same for both event types. */
export function functionEvent(config: EdgeConfig, eventType: string, r: NjsRequest): Record<string, unknown> {
  return {
    version: '1.0',
    context: {
      // The emulation is whatever name it is asked by, as its policies are for that name.
      distributionDomainName: String(r.headersIn.Host).toLowerCase(),
      distributionId: config.distributionId,
      eventType: eventType,
      requestId: r.variables.request_id,
    },
    viewer: { ip: r.remoteAddress },
  }
}

/** The event's request. */
export function functionRequest(config: EdgeConfig, r: NjsRequest, target: RawTarget): FunctionRequest {
  const visible = config.unknowns.signedParameters === 'show' ? target.querystring : stripSignature(target.querystring)
  const request = {
    method: r.method,
    uri: config.unknowns.functionUri === 'raw' ? target.path : normalisePath(target.path),
    querystring: readQuerystring(visible),
    headers: readHeaders(r.rawHeadersIn),
  } as FunctionRequest
  // Read when they are asked for: most requests carry a dozen cookies, and most functions look at none.
  let cookies: FunctionRequest['cookies'] | undefined
  Object.defineProperty(request, 'cookies', {
    enumerable: true,
    configurable: true,
    get: () => {
      if (cookies === undefined) cookies = readCookies(r.rawHeadersIn)
      return cookies
    },
    set: (changed: FunctionRequest['cookies']) => {
      cookies = changed
    },
  })
  return request
}

/** Runs the function; `done` is called once, before this returns unless the function waits for something outside itself. */
export function runViewerRequest(
  config: EdgeConfig,
  behaviour: EdgeBehaviour,
  load: () => FunctionHandler,
  r: NjsRequest,
  target: RawTarget,
  done: (outcome: Outcome) => void,
): void {
  const event = functionEvent(config, 'viewer-request', r)
  const request = functionRequest(config, r, target)
  const asked = { uri: request.uri, query: writeQuerystring(request.querystring), method: request.method }
  event.request = request
  const settle = (result: unknown) => {
    done(readResult(result, behaviour, r, target, asked))
  }
  const fail = (error: unknown) => {
    done({ kind: 'fail', status: 503, reason: `FunctionExecutionError: ${String(error)}` })
  }
  let result: unknown
  try {
    result = load()(event)
  } catch (error) {
    fail(error)
    return
  }
  if (result !== null && typeof result === 'object' && typeof (result as Promise<unknown>).then === 'function') {
    ;(result as Promise<unknown>).then(settle, fail)
  } else {
    settle(result)
  }
}

interface Asked {
  readonly uri: string
  readonly query: string
  readonly method: string
}

function readResult(
  result: unknown,
  behaviour: EdgeBehaviour,
  r: NjsRequest,
  target: RawTarget,
  asked: Asked,
): Outcome {
  if (result === null || typeof result !== 'object') return invalid('the function returned no object')
  if ('statusCode' in result) {
    const response = result as FunctionResponse
    const status = response.statusCode
    if (typeof status !== 'number' || status < 200 || status > 599) return invalid('statusCode must be 200 to 599')
    return { kind: 'respond', response: response }
  }
  const request = result as FunctionRequest
  if (typeof request.uri !== 'string' || request.uri.charAt(0) !== '/') return invalid('uri must start with /')
  if (request.method !== asked.method) return invalid('method is read-only')
  const query = writeQuerystring(request.querystring)
  const changed = some(
    behaviour.changeableHeaders,
    (name) => valuesOf(request.headers, name).join(', ') !== (r.headersIn[name] === undefined ? '' : r.headersIn[name]),
  )
  return {
    kind: 'forward',
    target: {
      path: request.uri === asked.uri ? target.path : request.uri,
      querystring: query === asked.query ? stripSignature(target.querystring) : query,
    },
    request: request,
    changed: changed,
  }
}

function invalid(reason: string): Outcome {
  return { kind: 'fail', status: 502, reason: `FunctionValidationError: ${reason}` }
}
