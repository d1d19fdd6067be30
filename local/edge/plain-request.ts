// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'
import type { FunctionRequest, FunctionValue, FunctionValues } from '../../shared/cloudfront/function-event.ts'
import type { NjsRequest } from './njs.ts'
import type { Handler, PlainEdge } from './plain-edge.ts'
import { plainEvent, plainRequest, readHeaders } from './plain-event.ts'
import { coversPlainly } from './plain-policy.ts'
import { finishPlain } from './plain-response.ts'

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

/** Header filter of an origin's response. */
export function finish(edge: PlainEdge, index: number, r: NjsRequest): void {
  finishPlain(edge, index, r, decided as FunctionRequest)
}
