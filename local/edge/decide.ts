// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import fs from 'fs'
import type { FunctionRequest } from '../../shared/cloudfront/function-event.ts'
import { matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { changedHeaderVariable } from './changed-header.ts'
import { decided, loaderOf, startDecision } from './decided.ts'
import type { EdgeBehaviour, EdgeConfig } from './edge-config.ts'
import { valuesOf, writeCookieHeader } from './function-values.ts'
import { each, includes } from './list.ts'
import type { NjsRequest } from './njs.ts'
import { normalisePath, type RawTarget, splitTarget } from './path.ts'
import { forwardedQuerystring, stripSignature } from './querystring.ts'
import { functionFailure } from './refusal.ts'
import { checkSignature } from './signature.ts'
import { type Outcome, runViewerRequest } from './viewer-request.ts'

/**
 * The first half of the edge: which location goes on with a request. See `edge.ts`.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

/** Chooses the behaviour, checks what CloudFront checks, runs the viewer-request function; sets `$edge_target`. */
export function decide(r: NjsRequest): string {
  const target = splitTarget(String(r.variables.request_uri))
  startDecision(target)
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
  const load = behaviour.viewerRequest === null ? undefined : loaderOf(behaviour.viewerRequest)
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
    decided.failure = { status: outcome.status, body: functionFailure(outcome.status) }
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
