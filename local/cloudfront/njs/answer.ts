import {
  type CloudFrontErrorCode,
  cloudFrontErrorBody,
  cloudFrontErrorType,
} from '../../../shared/cloudfront/errors.ts'
import type { EdgeConfig } from '../edge-config.ts'
import type { Decided } from './decided.ts'
import type { NjsRequest } from './njs.ts'
import { functionFailure, markReason, methodRefusal, tooLarge } from './refusal.ts'
import { applyPolicy, responseHeaders, snapshot, writeChanges, writeHeaders } from './viewer-response.ts'

/**
 * What the edge answers without an origin. A module of its own, because few requests need it and njs runs what it imports for
 * each. See `edge.ts`.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

/** Answers with what a viewer-request function made, or for one that failed. */
export function respond(r: NjsRequest, decided: Decided): void {
  const response = decided.response
  if (response === undefined) {
    r.headersOut['content-type'] = 'text/html'
    addPolicy(r, Number(r.variables.edge_behaviour), 'Error from cloudfront')
    r.return(decided.failure, functionFailure(decided.failure))
    return
  }
  if (response.headers !== undefined) writeHeaders(r, response.headers)
  const cookies = response.cookies
  if (cookies !== undefined) r.headersOut['Set-Cookie'] = cookieLines(cookies)
  const cache = 'FunctionGeneratedResponse from cloudfront'
  if (edge.unknowns.generatedHeaders === 'policy') addPolicy(r, Number(r.variables.edge_behaviour), cache)
  else r.headersOut['x-cache'] = cache
  if (response.headers?.location === undefined) {
    r.return(response.statusCode, bodyOf(response.body))
    return
  }
  // `return` would take the body for the address, and write a second `Location`.
  r.status = response.statusCode
  r.sendHeader()
  r.finish()
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

/**
 * What a viewer-request function answers by itself, as nginx sends it.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The `Set-Cookie` lines of a function's response. */
function cookieLines(cookies: Record<string, unknown>): string[] {
  const lines: string[] = []
  Object.keys(cookies).forEach((name) => {
    const cookie = cookies[name] as { value: string; attributes?: string; multiValue?: CookieValue[] }
    const all: CookieValue[] = cookie.multiValue === undefined ? [cookie] : cookie.multiValue
    all.forEach((one) => {
      lines.push(one.attributes === undefined ? `${name}=${one.value}` : `${name}=${one.value}; ${one.attributes}`)
    })
  })
  return lines
}

interface CookieValue {
  readonly value: string
  readonly attributes?: string
}

/** The body of a function's response: text, or `{encoding, data}`. */
function bodyOf(body: unknown): string {
  if (body === undefined || body === null) return ''
  if (typeof body === 'string') return body
  const part = body as { encoding: string; data: string }
  return part.encoding === 'base64' ? (Buffer.from(part.data, 'base64') as unknown as string) : part.data
}
