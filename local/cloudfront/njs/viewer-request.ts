import type { FunctionRequest, FunctionResponse, FunctionValues } from '../../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour, EdgeConfig } from '../edge-config.ts'
import {
  joinLines,
  readCookies,
  readHeaders,
  readQuerystring,
  writeCookieHeader,
  writeQuerystring,
} from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { normalisePath, type RawTarget } from './path.ts'
import { stripSignature } from './querystring.ts'

/**
 * Running a CloudFront Function on viewer-request: the event that it gets, and what its answer means.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
 *
 * Most requests are ranges that a function lets through after a look at two or three members of the event, so members that cost
 * njs something are made when they are read.
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

/** The event of a viewer-request function or, with a response, of a viewer-response function. */
export function functionEvent(
  config: EdgeConfig,
  eventType: string,
  r: NjsRequest,
  request: FunctionRequest,
  response: FunctionResponse | undefined,
): unknown {
  const event: { response?: FunctionResponse; [member: string]: unknown } = {
    version: '1.0',
    context: {
      // The emulation is whatever name it is asked by, as its policies are for that name.
      get distributionDomainName() {
        return String(r.headersIn.Host).toLowerCase()
      },
      distributionId: config.distributionId,
      eventType: eventType,
      get requestId() {
        return r.variables.request_id
      },
    },
    viewer: {
      get ip() {
        return r.remoteAddress
      },
    },
    request: request,
  }
  if (response !== undefined) event.response = response
  return event
}

/** The event's request. */
export function functionRequest(config: EdgeConfig, r: NjsRequest, target: RawTarget): FunctionRequest {
  const visible = config.unknowns.signedParameters === 'show' ? target.querystring : stripSignature(target.querystring)
  let cookies: FunctionValues | undefined
  return {
    method: r.method,
    uri: config.unknowns.functionUri === 'raw' ? target.path : normalisePath(target.path),
    querystring: readQuerystring(visible),
    headers: readHeaders(r.rawHeadersIn),
    get cookies(): FunctionValues {
      if (cookies === undefined) cookies = readCookies(r.rawHeadersIn)
      return cookies
    },
    set cookies(changed: FunctionValues) {
      cookies = changed
    },
  }
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
  const request = functionRequest(config, r, target)
  const asked: Asked = {
    uri: request.uri,
    query: writeQuerystring(request.querystring),
    method: request.method,
    headers: changeableHeaders(behaviour, request),
  }
  const settle = (result: unknown) => {
    done(readResult(result, behaviour, target, asked))
  }
  const fail = (error: unknown) => {
    done({ kind: 'fail', status: 503, reason: `FunctionExecutionError: ${String(error)}` })
  }
  let result: unknown
  try {
    result = load()(functionEvent(config, 'viewer-request', r, request, undefined))
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

/** The request before the function saw it. */
interface Asked {
  readonly uri: string
  readonly query: string
  readonly method: string
  readonly headers: HeaderLines
}

/** Header lines by lower-case name; a header that is not there has none. */
export type HeaderLines = Record<string, string | undefined>

/** Each header that a function's change can reach the origin with, as one line. */
export function changeableHeaders(behaviour: EdgeBehaviour, request: FunctionRequest): HeaderLines {
  const names = behaviour.changeableHeaders
  const count = names.length
  const headers = request.headers
  const lines = Object.create(null) as HeaderLines
  for (let i = 0; i < count; i++) {
    const name = names[i] as string
    const value = headers[name]
    if (name === 'cookie') lines[name] = writeCookieHeader(request.cookies)
    else if (value !== undefined) lines[name] = joinLines(value, ', ')
  }
  return lines
}

function isChanged(before: HeaderLines, after: HeaderLines): boolean {
  for (const name in after) if (after[name] !== before[name]) return true
  for (const name in before) if (after[name] === undefined) return true
  return false
}

function readResult(result: unknown, behaviour: EdgeBehaviour, target: RawTarget, asked: Asked): Outcome {
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
  return {
    kind: 'forward',
    target: {
      path: request.uri === asked.uri ? target.path : request.uri,
      querystring: query === asked.query ? stripSignature(target.querystring) : query,
    },
    request: request,
    changed: isChanged(asked.headers, changeableHeaders(behaviour, request)),
  }
}

function invalid(reason: string): Outcome {
  return { kind: 'fail', status: 502, reason: `FunctionValidationError: ${reason}` }
}
