// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'
import type {
  FunctionRequest,
  FunctionResponse,
  FunctionValue,
  FunctionValues,
} from '../../shared/cloudfront/function-event.ts'
import { isFraming, readResponse } from './function-response.ts'
import { addValue, valuesOf } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { coversPlainly } from './plain-policy.ts'

/**
 * The short way through the edge, for a `GET` of a plain path, without a query string, whose cookies are there once and in the
 * order in which the session function sets them. nginx recognises those by itself (`local/nginx/plain-requests.ts`). They are
 * nearly all ranges of a stream; and njs starts with nothing for each request, so what is not needed here is not even loaded.
 *
 * Everything else, and everything that is refused, goes the whole way (`edge.ts`), which alone says how. The checks and the
 * functions are the same on both, and so are the events, but for parts of them that are made when they are read.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** What is known of a behaviour when the emulation starts. */
export interface PlainBehaviour {
  readonly signed: boolean
  /** Gives the function, loading it the first time. */
  readonly viewerRequest: (() => Handler) | null
  readonly viewerResponse: (() => Handler) | null
  /** The response headers policy for a request without `Origin`. */
  readonly setHeaders: (headers: FunctionValues) => void
}

export type Handler = (event: unknown) => unknown

/** The whole edge, as far as it is called from here. */
export interface WholeEdge {
  decide(r: NjsRequest): void
  finish(r: NjsRequest): void
  /** Tells what was decided here. */
  adopt(path: string, request: FunctionRequest): void
  cookiesOf(r: NjsRequest): FunctionValues
}

/** What the short way knows without asking; made by `build.ts`. */
export interface PlainEdge {
  readonly distributionId: string
  readonly keyGroupGenerationFile: string
  readonly behaviour: (index: number) => PlainBehaviour
  /** Loads the whole edge the first time. */
  readonly whole: () => WholeEdge
}

let decided: FunctionRequest | undefined

/** Sets `$edge_target`, the location that goes on with the request. */
export function decide(edge: PlainEdge, r: NjsRequest): void {
  const plain = r.variables.edge_plain
  if (plain === undefined || plain === '') {
    edge.whole().decide(r)
    return
  }
  const slash = plain.indexOf('/')
  const index = plain.slice(0, slash)
  const path = plain.slice(slash)
  const behaviour = edge.behaviour(Number(index))
  const headers = readHeaders(r.rawHeadersIn)
  if (hasConditions(headers)) {
    edge.whole().decide(r)
    return
  }
  if (behaviour.signed) {
    const policy = r.variables.edge_plain_policy_digits
    const url = `https://${(headers.host as FunctionValue).value}${path}`
    if (!policy || !coversPlainly(decodePolicy(policy), url, Math.floor(Date.now() / 1000))) {
      edge.whole().decide(r)
      return
    }
    r.variables.edge_generation = fs.readFileSync(edge.keyGroupGenerationFile, 'utf8')
  }
  const request = plainRequest(edge, r, path, headers)
  decided = request
  if (behaviour.viewerRequest === null) r.variables.edge_target = `plain${index}`
  else runViewerRequest(edge, r, `plain${index}`, behaviour.viewerRequest(), request)
}

/** `digits` is base64 without its padding, which njs needs. */
function decodePolicy(digits: string): string {
  const rest = digits.length % 4
  return atob(rest === 0 ? digits : digits + (rest === 2 ? '==' : '='))
}

function runViewerRequest(
  edge: PlainEdge,
  r: NjsRequest,
  location: string,
  handler: Handler,
  request: FunctionRequest,
): void {
  const path = request.uri
  const range = request.headers.range
  const sent = range === undefined ? '' : range.value
  const settle = (result: unknown) => {
    const headers = request.headers
    if (
      result === request &&
      request.uri === path &&
      request.method === 'GET' &&
      headers.range === range &&
      (range === undefined || (range.value === sent && range.multiValue === undefined)) &&
      !hasConditions(headers) &&
      isEmpty(request.querystring)
    )
      r.variables.edge_target = location
    // An answer, a change or a fault: the whole edge asks the function once more, and knows what to do.
    else edge.whole().decide(r)
  }
  let result: unknown
  try {
    result = handler(plainEvent(edge, 'viewer-request', r, request, undefined))
  } catch (_fault) {
    result = undefined
  }
  if (result !== null && typeof result === 'object' && typeof (result as Promise<unknown>).then === 'function') {
    ;(result as Promise<unknown>).then(settle, settle)
  } else {
    settle(result)
  }
}

/** Whether there are conditions, which reach the origin whatever the policies say: the whole edge compares those. */
function hasConditions(headers: FunctionValues): boolean {
  return (
    headers['if-range'] !== undefined ||
    headers['if-none-match'] !== undefined ||
    headers['if-modified-since'] !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-unmodified-since'] !== undefined
  )
}

function isEmpty(values: FunctionValues): boolean {
  for (const _name in values) return false
  return true
}

/** The event's `headers`: every field but `Cookie`. */
function readHeaders(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const headers: FunctionValues = {}
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    if (headers[name] !== undefined) addValue(headers, name, line[1])
    else if (name !== 'cookie') headers[name] = { value: line[1] }
  }
  return headers
}

/** The event's request. Most requests carry a dozen cookies, and most functions look at none: they are read when asked for. */
function plainRequest(edge: PlainEdge, r: NjsRequest, path: string, headers: FunctionValues): FunctionRequest {
  let cookies: FunctionValues | undefined
  return {
    method: 'GET',
    uri: path,
    querystring: {},
    headers: headers,
    get cookies(): FunctionValues {
      if (cookies === undefined) cookies = edge.whole().cookiesOf(r)
      return cookies
    },
    set cookies(changed: FunctionValues) {
      cookies = changed
    },
  }
}

function plainEvent(
  edge: PlainEdge,
  eventType: string,
  r: NjsRequest,
  request: FunctionRequest,
  response: FunctionResponse | undefined,
): unknown {
  const event = {
    version: '1.0',
    context: {
      distributionDomainName: (request.headers.host as FunctionValue).value,
      distributionId: edge.distributionId,
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
  return response === undefined ? event : Object.assign(event, { response: response })
}

/** Header filter of an origin's response: the headers policy, then the viewer-response function where it runs. */
export function finish(edge: PlainEdge, index: number, r: NjsRequest): void {
  const request = decided as FunctionRequest
  const status = r.status
  const behaviour = edge.behaviour(index)
  if (status >= 400 || request.headers.origin !== undefined) {
    const whole = edge.whole()
    whole.adopt(request.uri, request)
    whole.finish(r)
    return
  }
  const out = r.headersOut
  const headers: FunctionValues = {}
  const before: Record<string, string> = {}
  const lines = r.rawHeadersOut
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    const value = line[1]
    before[name] = value
    if (headers[name] === undefined) headers[name] = { value: value }
    else addValue(headers, name, value)
  }
  // nginx keeps this one apart from the header lines.
  const type = out['Content-Type']
  if (type !== undefined && headers['content-type'] === undefined) {
    headers['content-type'] = { value: String(type) }
    before['content-type'] = String(type)
  }
  headers['x-cache'] = { value: 'Miss from cloudfront' }
  if (status === 206) headers['accept-ranges'] = { value: 'bytes' }
  behaviour.setHeaders(headers)
  let after = headers
  if (behaviour.viewerResponse !== null) {
    const response = { statusCode: status, statusDescription: '', headers: headers, cookies: {} }
    const result = behaviour.viewerResponse()(plainEvent(edge, 'viewer-response', r, request, response))
    after = readResponse(r, status, result)
  }
  for (const name in after) {
    const header = after[name]
    if (header !== undefined && (header.value !== before[name] || header.multiValue !== undefined) && !isFraming(name))
      out[name] = header.multiValue === undefined ? header.value : valuesOf(after, name)
  }
  for (const name in before) if (after[name] === undefined && !isFraming(name)) out[name] = undefined
}
