import {
  type CloudFrontErrorCode,
  cloudFrontErrorBody,
  cloudFrontErrorType,
} from '../../../shared/cloudfront/errors.ts'
import type { EdgeBehaviour, EdgeConfig } from '../edge-config.ts'
import { decided, loaderOf } from './decided.ts'
import { readResponse } from './function-response.ts'
import { emptyValues } from './function-values.ts'
import { bodyOf, cookieLines } from './generated-response.ts'
import type { NjsRequest } from './njs.ts'
import { markReason, methodRefusal, tooLarge } from './refusal.ts'
import { functionEvent, functionRequest } from './viewer-request.ts'
import { applyPolicy, responseHeaders, snapshot, writeChanges, writeHeaders } from './viewer-response.ts'

/**
 * The second half of the edge: what is answered without an origin, and the headers of what an origin answers. See `edge.ts`.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

/** Answers with what a viewer-request function made, or for one that failed. */
export function respond(r: NjsRequest): void {
  const response = decided.response
  if (response === undefined) {
    r.headersOut['content-type'] = 'text/html'
    addPolicy(r, Number(r.variables.edge_behaviour), 'Error from cloudfront')
    r.return(decided.failure.status, decided.failure.body)
    return
  }
  if (response.headers !== undefined) writeHeaders(r, response.headers)
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
  r.return(403, code === 'method' ? methodRefusal() : cloudFrontErrorBody(verdictOf(r, code)))
}

/** Answers a request that is larger than CloudFront takes. */
export function answerTooLarge(r: NjsRequest): void {
  r.headersOut['content-type'] = 'text/html'
  r.headersOut['x-cache'] = 'Error from cloudfront'
  // The policy of a behaviour would add it, but a request of this size has none.
  r.headersOut['x-content-type-options'] = 'nosniff'
  r.return(413, tooLarge())
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
  if (behaviour.bucket && r.status === 206) headers['accept-ranges'] = { value: 'bytes' }
  applyPolicy(behaviour, r, headers)
  // Not for errors of the origin (Developer Guide, "Restrictions on all edge functions").
  if (r.status >= 400 || behaviour.viewerResponse === null) {
    writeChanges(r, before, headers)
    return
  }
  const load = loaderOf(behaviour.viewerResponse)
  if (load === undefined) throw new Error(`no function ${behaviour.viewerResponse}`)
  const request = decided.request === undefined ? functionRequest(edge, r, decided.target) : decided.request
  const response = { statusCode: r.status, statusDescription: '', headers: headers, cookies: emptyValues() }
  // It must end before this returns: nginx sends the headers then.
  const result = load()(functionEvent(edge, 'viewer-response', r, request, response))
  writeChanges(r, before, readResponse(r, r.status, result))
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
