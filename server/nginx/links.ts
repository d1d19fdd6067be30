import type { EdgeBehaviour, EdgeConfig } from '../../local/cloudfront/edge-config.ts'
import { readResponse } from '../../local/cloudfront/njs/function-response.ts'
import { readHeaders, readQuerystring } from '../../local/cloudfront/njs/function-values.ts'
import type { NjsRequest } from '../../local/cloudfront/njs/njs.ts'
import {
  indexOfBehaviour,
  normalisePath,
  originPath,
  type RawTarget,
  splitTarget,
} from '../../local/cloudfront/njs/path.ts'
import { isTooLarge } from '../../local/cloudfront/njs/refusal.ts'
import {
  applyPolicy,
  responseHeaders,
  snapshot,
  writeChanges,
  writeHeaders,
} from '../../local/cloudfront/njs/viewer-response.ts'
import type { FunctionRequest, FunctionResponse } from '../../shared/cloudfront/function-event.ts'
import { linkCacheControl } from '../../shared/read/answer-headers.ts'
import { generateProblem } from '../../shared/read/function-response.ts'
import { type Link, parseLink, verifyLink } from './link.ts'
import type { LinkConfig } from './link-locations.ts'

/**
 * Download links in nginx: a module of its own, because most requests are none and njs runs what it imports for each.
 *
 * A link stands in for the signature and for nothing else. Once it is verified, the request is one for the file's own path, and
 * the deployed guard judges it there: canonical path, method, ranges, `Sec-Fetch-Dest`, revocation. It sees no cookies, so
 * below a revoked prefix every link is refused, as signed URLs are. The answer gets the headers of the file's own path, from
 * the behaviour's policy and the deployed headers function. All that holds in both enforcement modes.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge` and `linkConfig`. */
declare const edge: EdgeConfig
declare const linkConfig: LinkConfig

type Handler = (event: unknown) => unknown

const functions = Object.create(null) as Record<string, (() => Handler) | undefined>

/** State that one request leaves for its header filter: njs creates a VM for each request. */
let request: FunctionRequest | undefined
let response: FunctionResponse | undefined

/** The deployed functions, by logical id; `load` runs the code of one, the first time. */
export function use(logicalId: string, load: () => Handler): void {
  functions[logicalId] = load
}

/** Decides on a request to a link; sets `$edge_target`. */
export function decideLink(r: NjsRequest): void {
  const links = linkConfig
  const uri = String(r.variables.request_uri)
  if (isTooLarge(r, uri)) {
    r.variables.edge_target = 'too-large'
    return
  }
  const target = splitTarget(uri)
  const link = parseLink(target)
  request = fileRequest(r, target, link)
  const index = link === undefined ? -1 : findBehaviour(link)
  // A preflight is answered as on the file's own path, where it needs no credentials either.
  const verdict =
    link === undefined || index < 0
      ? 'invalid'
      : link.proof === null || r.method === 'OPTIONS'
        ? 'valid'
        : verifyLink(link.proof, links.secret, Math.floor(Date.now() / 1000))
  if (link === undefined || verdict !== 'valid') {
    answer(r, generateProblem(links.problems[verdict === 'expired' ? 'expired' : 'invalid'], request, links.readers))
    return
  }
  const asked = request
  const settle = (result: unknown) => {
    if (result !== null && typeof result === 'object' && 'statusCode' in result) answer(r, result as FunctionResponse)
    else forward(r, index, link.path)
  }
  const fail = (error: unknown) => {
    r.error(`the guard failed on a link: ${String(error)}`)
    answer(r, generateProblem(links.problems.unavailable, asked, links.readers))
  }
  try {
    const result = loaded(links.guard)({ request: asked }) as Promise<unknown>
    result.then(settle, fail)
  } catch (error) {
    fail(error)
  }
}

/** Answers with what refused the link. */
export function respondLink(r: NjsRequest): void {
  const made = response as FunctionResponse
  writeHeaders(r, made.headers)
  r.return(made.statusCode, made.body === undefined ? '' : made.body.data)
}

/** Header filter of a file that a link opened: the headers of its own path, but no cache may outlive the link. */
export function finishLink(r: NjsRequest): void {
  const links = linkConfig
  let headers = responseHeaders(r)
  const before = snapshot(headers)
  applyPolicy(edge.behaviours[Number(r.variables.edge_behaviour)] as EdgeBehaviour, r, headers)
  if (r.status < 400) {
    const asked = request as FunctionRequest
    const made = { statusCode: r.status, statusDescription: '', headers: headers, cookies: {} }
    headers = readResponse(r, r.status, loaded(links.headers)({ request: asked, response: made }))
    headers['cache-control'] = { value: linkCacheControl(isPublic(asked.uri)) }
  }
  writeChanges(r, before, headers)
}

/** The request as it would come to the file's own path with a signature that CloudFront has checked. */
function fileRequest(r: NjsRequest, target: RawTarget, link: Link | undefined): FunctionRequest {
  return {
    method: r.method,
    uri: link === undefined ? target.path : link.path,
    querystring: readQuerystring(target.querystring),
    headers: readHeaders(r.rawHeadersIn),
    cookies: {},
  }
}

/** The behaviour that serves the file; -1 where links do not lead. */
function findBehaviour(link: Link): number {
  const path = normalisePath(link.path)
  if (path.charAt(1) === '_' || isPublic(path) !== (link.proof === null)) return -1
  const index = indexOfBehaviour(edge.behaviours, path)
  return index >= 0 && (edge.behaviours[index] as EdgeBehaviour).bucket ? index : -1
}

function isPublic(path: string): boolean {
  return path.slice(0, 8) === '/public/'
}

function forward(r: NjsRequest, index: number, path: string): void {
  const behaviour = edge.behaviours[index] as EdgeBehaviour
  r.variables.edge_behaviour = String(index)
  r.variables.edge_uri = `${behaviour.originPath}${originPath(path)}`
  r.variables.edge_target = 'link'
}

function answer(r: NjsRequest, made: FunctionResponse): void {
  response = made
  r.variables.edge_target = 'respond-link'
}

function loaded(logicalId: string): Handler {
  const load = functions[logicalId]
  if (load === undefined) throw new Error(`no function ${logicalId}`)
  return load()
}
