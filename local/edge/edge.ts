// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'
import { type CloudFrontErrorCode, cloudFrontErrorBody, cloudFrontErrorType } from '../../shared/cloudfront/errors.ts'
import type { FunctionRequest, FunctionResponse } from '../../shared/cloudfront/function-event.ts'
import { matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { changedHeaderVariable } from './changed-header.ts'
import type { EdgeBehaviour, EdgeConfig } from './edge-config.ts'
import { readCookies, valuesOf, writeCookieHeader } from './function-values.ts'
import { bodyOf, cookieLines } from './generated-response.ts'
import { each, includes } from './list.ts'
import type { NjsRequest } from './njs.ts'
import { normalisePath, type RawTarget, splitTarget } from './path.ts'
import { forwardedQuerystring, stripSignature } from './querystring.ts'
import { functionFailure, markReason, methodRefusal } from './refusal.ts'
import { checkSignature } from './signature.ts'
import { type FunctionHandler, functionRequest, type Outcome, runViewerRequest } from './viewer-request.ts'
import {
  applyPolicy,
  responseHeaders,
  runViewerResponse,
  setHeader,
  snapshot,
  writeChanges,
} from './viewer-response.ts'

/**
 * The edge, in njs: what CloudFront decides between a viewer's request and the origin's answer. nginx asks once for each
 * request (`decide`, in the rewrite phase), which names the location that goes on with it; that location lets nginx verify the
 * signature and fetch from the origin, and has the response's headers written (`finish`). One njs VM serves both.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

const functions: Record<string, () => FunctionHandler> = {}

/** The deployed functions, by logical id; `load` runs the code of one, the first time. */
export function use(logicalId: string, load: () => FunctionHandler): void {
  functions[logicalId] = load
}

/** What `decide` leaves for the handlers that run later in the same request. */
let decided: { target: RawTarget; request: FunctionRequest | undefined; response: FunctionResponse | undefined } = {
  target: { path: '/', querystring: '' },
  request: undefined,
  response: undefined,
}

/** Takes over a request that the short way decided on (`plain-request.ts`). */
export function adopt(path: string, request: FunctionRequest): void {
  decided = { target: { path: path, querystring: '' }, request: request, response: undefined }
}

/** The event's `cookies`. */
export function cookiesOf(r: NjsRequest): FunctionRequest['cookies'] {
  return readCookies(r.rawHeadersIn)
}

let failure = { status: 500, body: '' }

/** Chooses the behaviour, checks what CloudFront checks, runs the viewer-request function; sets `$edge_target`. */
export function decide(r: NjsRequest): string {
  const target = splitTarget(String(r.variables.request_uri))
  decided = { target: target, request: undefined, response: undefined }
  if (!isHostOfTarget(r)) return go(r, 'bad-request')
  const path = normalisePath(target.path)
  if (includes(edge.ownPaths, path)) return go(r, 'own')
  const index = findBehaviour(path)
  const behaviour = edge.behaviours[index] as EdgeBehaviour
  r.variables.edge_behaviour = String(index)
  if (!includes(behaviour.allowedMethods, r.method)) {
    r.variables.edge_code = 'method'
    return refuse(r, 403)
  }
  let suffix = ''
  if (behaviour.signed) {
    if (r.method === 'OPTIONS' && edge.unknowns.preflight === 'pass' && isPreflight(r)) suffix = '-open'
    else if (!isCovered(r, target)) return refuse(r, 403)
  }
  if (behaviour.lambda) return go(r, `lambda${index}`)
  const load = behaviour.viewerRequest === null ? undefined : functions[behaviour.viewerRequest]
  if (load === undefined) {
    forward(r, index, target, suffix)
  } else {
    runViewerRequest(edge, behaviour, load, r, target, (outcome) => {
      settle(r, index, outcome, suffix)
    })
  }
  return ''
}

/**
 * Whether the `Host` header names the host of the request target, where that has one (RFC 9112 section 3.2.2): nginx takes the
 * target's, functions and policies the header's, and nobody may be told two names.
 */
function isHostOfTarget(r: NjsRequest): boolean {
  const header = r.headersIn.Host
  const host = r.variables.host
  if (header === undefined || host === undefined) return header === undefined
  const name = header.toLowerCase()
  return name === host || name.slice(0, host.length + 1) === `${host}:`
}

function findBehaviour(path: string): number {
  for (let i = 0; i < edge.behaviours.length; i++) {
    const behaviour = edge.behaviours[i] as EdgeBehaviour
    const prefix = behaviour.pathPrefix
    // Most patterns end in their one `*`: comparing text is far cheaper in njs than the general match.
    if (prefix === null ? matchesResource(behaviour.pathPattern, path) : path.slice(0, prefix.length) === prefix)
      return i
  }
  return edge.behaviours.length - 1
}

function isPreflight(r: NjsRequest): boolean {
  return r.headersIn.Origin !== undefined && r.headersIn['Access-Control-Request-Method'] !== undefined
}

/** Whether a policy that came covers the request; nginx then asks the verifier about the signature. */
function isCovered(r: NjsRequest, target: RawTarget): boolean {
  const cookie = r.headersIn.Cookie
  const check = checkSignature(
    {
      url: `https://${String(r.headersIn.Host).toLowerCase()}${target.path}`,
      querystring: target.querystring,
      cookieHeader: cookie === undefined ? '' : cookie,
      plainCookies: plainCookies(r),
      clientIp: r.remoteAddress,
      now: Math.floor(Date.now() / 1000),
    },
    edge.unknowns.duplicates,
  )
  if ('code' in check) {
    r.variables.edge_code = check.code
    r.variables.edge_reason = check.reason
    return false
  }
  r.variables.edge_signed = check.question
  r.variables.edge_generation = fs.readFileSync(edge.keyGroupGenerationFile, 'utf8')
  return true
}

function plainCookies(r: NjsRequest): { policy: string; signature: string; keyPairId: string } | undefined {
  if (r.variables.edge_cookie_hash_algorithm !== 'SHA256') return undefined
  const policy = r.variables.edge_cookie_policy
  const signature = r.variables.edge_cookie_signature
  const keyPairId = r.variables.edge_cookie_key_pair_id
  if (!policy || !signature || !keyPairId || r.variables.edge_cookie_expires) return undefined
  return { policy: policy, signature: signature, keyPairId: keyPairId }
}

function settle(r: NjsRequest, index: number, outcome: Outcome, suffix: string): void {
  if (outcome.kind === 'forward') {
    decided.request = outcome.request
    if (outcome.changed) sendChanged(r, edge.behaviours[index] as EdgeBehaviour, outcome.request)
    forward(r, index, outcome.target, outcome.changed ? `${suffix}-changed` : suffix)
    return
  }
  if (outcome.kind === 'respond') {
    decided.response = outcome.response
  } else {
    r.error(outcome.reason)
    failure = { status: outcome.status, body: functionFailure(outcome.status) }
  }
  const signed = (edge.behaviours[index] as EdgeBehaviour).signed && suffix !== '-open'
  // CloudFront checks the signature first, so a function's answer waits for it.
  go(r, signed ? 'respond-signed' : 'respond')
}

/** Leaves the headers for the locations that send changed ones. */
function sendChanged(r: NjsRequest, behaviour: EdgeBehaviour, request: FunctionRequest): void {
  each(behaviour.changeableHeaders, (name) => {
    r.variables[changedHeaderVariable(name)] =
      name === 'cookie' ? writeCookieHeader(request.cookies) : valuesOf(request.headers, name).join(', ')
  })
}

function forward(r: NjsRequest, index: number, target: RawTarget, suffix: string): string {
  const behaviour = edge.behaviours[index] as EdgeBehaviour
  const query = forwardedQuerystring(stripSignature(target.querystring), behaviour.querystrings)
  r.variables.edge_uri = `${behaviour.originPath}${target.path}${query === '' ? '' : `?${query}`}`
  return go(r, `behaviour${index}${suffix}`)
}

/** An error of CloudFront's own: the custom page where there is one for it. */
function refuse(r: NjsRequest, status: number): string {
  return go(r, includes(edge.errorPages, status) ? `page${status}` : 'refuse')
}

function go(r: NjsRequest, location: string): string {
  r.variables.edge_target = location
  return ''
}

/** Answers with what a viewer-request function made, or for one that failed. */
export function respond(r: NjsRequest): void {
  const response = decided.response
  if (response === undefined) {
    r.headersOut['Content-Type'] = 'text/html'
    r.headersOut['X-Cache'] = 'Error from cloudfront'
    r.return(failure.status, failure.body)
    return
  }
  const headers = response.headers === undefined ? {} : response.headers
  Object.keys(headers).forEach((name) => {
    if (name !== 'content-length') setHeader(r, name, valuesOf(headers, name))
  })
  const cookies = response.cookies
  if (cookies !== undefined) r.headersOut['Set-Cookie'] = cookieLines(cookies)
  const cache = 'FunctionGeneratedResponse from cloudfront'
  if (edge.unknowns.generatedHeaders === 'policy') addPolicy(r, Number(r.variables.edge_behaviour), cache)
  else r.headersOut['x-cache'] = cache
  r.return(response.statusCode, bodyOf(response.body))
}

/** Answers an error of CloudFront's own that has no custom page. */
export function answerRefusal(r: NjsRequest): void {
  const code = r.variables.edge_code
  r.headersOut['content-type'] = code === 'method' ? 'text/html' : cloudFrontErrorType
  addPolicy(r, Number(r.variables.edge_behaviour), 'Error from cloudfront')
  markReason(r, reasonOf(r))
  r.return(403, code === 'method' ? methodRefusal : cloudFrontErrorBody(verdictOf(r, code)))
}

/** The verifier's word counts where the policy was good. */
function verdictOf(r: NjsRequest, code: string | undefined): CloudFrontErrorCode {
  const verdict = r.variables.edge_verdict
  if (code !== undefined && code !== '') return code as CloudFrontErrorCode
  return verdict === undefined || verdict === '' ? 'AccessDenied' : (verdict as CloudFrontErrorCode)
}

function reasonOf(r: NjsRequest): string | undefined {
  const reason = r.variables.edge_reason
  if (reason !== undefined && reason !== '') return reason
  const verdict = r.variables.edge_verdict
  if (verdict === undefined || verdict === '') return r.variables.edge_code === 'method' ? 'method' : undefined
  return verdict === 'AccessDenied' ? 'signature' : `signature-${verdict}`
}

/** Header filter of an origin's response: the headers policy, then the viewer-response function where it runs. */
export function finish(r: NjsRequest): void {
  const behaviour = edge.behaviours[Number(r.variables.edge_behaviour)] as EdgeBehaviour
  const headers = responseHeaders(r)
  const before = snapshot(headers)
  headers['x-cache'] = { value: r.status >= 400 ? 'Error from cloudfront' : 'Miss from cloudfront' }
  if (behaviour.bucket && (r.status === 206 || r.status === 416)) headers['accept-ranges'] = { value: 'bytes' }
  applyPolicy(behaviour, r, headers)
  // Not for errors of the origin (Developer Guide, "Restrictions on all edge functions").
  if (r.status >= 400 || behaviour.viewerResponse === null) {
    writeChanges(r, before, headers)
    return
  }
  const load = functions[behaviour.viewerResponse]
  if (load === undefined) throw new Error(`no function ${behaviour.viewerResponse}`)
  const request = decided.request === undefined ? functionRequest(edge, r, decided.target) : decided.request
  writeChanges(r, before, runViewerResponse(edge, load(), request, headers, r))
}

/** Header filter of a file that a download link opened: the headers of its own path, but a cache must not outlive the link. */
export function finishLink(r: NjsRequest): void {
  const target = splitTarget(String(r.variables.request_uri))
  const isPrivate = target.path.indexOf('/assets/private/') === 0
  const path = target.path.slice((isPrivate ? '/assets/private' : '/assets').length)
  decided.target = { path: path, querystring: target.querystring }
  finish(r)
  if (r.status >= 400) return
  const cache = isPrivate ? 'private, no-store, no-transform' : 'public, max-age=86400, immutable, no-transform'
  setHeader(r, 'cache-control', [cache])
}

/** Header filter of a custom error page, whose status nginx has set. */
export function finishPage(r: NjsRequest): void {
  const index = edge.unknowns.errorPageHeaders === 'path' ? r.variables.edge_behaviour : r.variables.edge_page_behaviour
  addPolicy(r, Number(index), 'Error from cloudfront')
  markReason(r, reasonOf(r))
}

/** Applies the headers policy of a behaviour to what has been written so far. */
function addPolicy(r: NjsRequest, index: number, cache: string): void {
  const headers = responseHeaders(r)
  const before = snapshot(headers)
  headers['x-cache'] = { value: cache }
  const behaviour = edge.behaviours[index]
  if (behaviour !== undefined) applyPolicy(behaviour, r, headers)
  writeChanges(r, before, headers)
}
