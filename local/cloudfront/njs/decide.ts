// biome-ignore lint/style/useNodejsImportProtocol: njs knows its modules by these names only.
import crypto from 'crypto'
// biome-ignore lint/style/useNodejsImportProtocol: as above.
import fs from 'fs'
import { toCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import type { FunctionRequest } from '../../../shared/cloudfront/function-event.ts'
import type { EdgeBehaviour, EdgeConfig } from '../edge-config.ts'
import { decided, loaderOf, startDecision } from './decided.ts'
import { changedHeaderVariable, type NjsRequest } from './njs.ts'
import { indexOfBehaviour, normalisePath, originPath, type RawTarget, splitTarget } from './path.ts'
import { forwardedQuerystring, includes, stripSignature } from './querystring.ts'
import { originRange } from './range.ts'
import { isTooLarge } from './refusal.ts'
import { readSignature } from './signature.ts'
import { changeableHeaders, type Outcome, runViewerRequest } from './viewer-request.ts'

/**
 * The first half of the edge: which location goes on with a request. See `edge.ts`.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

/** Chooses the behaviour, checks what CloudFront checks, runs the viewer-request function; sets `$edge_target`. The result is empty. */
export function decide(r: NjsRequest): string {
  const uri = String(r.variables.request_uri)
  const tooLarge = isTooLarge(r, uri)
  const target = splitTarget(tooLarge ? '/' : uri)
  startDecision(target)
  if (tooLarge) return go(r, 'too-large')
  if (!isHostOfTarget(r)) return go(r, 'bad-request')
  const path = normalisePath(target.path)
  if (includes(edge.ownPaths, path)) return go(r, 'own')
  const behaviours = edge.behaviours
  const found = indexOfBehaviour(behaviours, path)
  const index = found < 0 ? behaviours.length - 1 : found
  const behaviour = behaviours[index] as EdgeBehaviour
  r.variables.edge_behaviour = String(index)
  if (!includes(behaviour.allowedMethods, r.method)) {
    r.variables.edge_code = 'method'
    return refuse(r)
  }
  let suffix = ''
  if (behaviour.signed) {
    if (r.method === 'OPTIONS' && edge.unknowns.preflight === 'pass' && isPreflight(r)) suffix = '-open'
    else if (!holdsSignature(r, target)) return refuse(r)
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
 * Returns true if the `Host` header names the host and port of the request target, where that has them (RFC 9112 section
 * 3.2.2): nginx uses the target's, functions and policies the header's, and nobody may be told two names.
 */
function isHostOfTarget(r: NjsRequest): boolean {
  const header = r.headersIn.Host
  const host = r.variables.host
  if (header === undefined || host === undefined) return header === undefined
  const name = header.toLowerCase()
  if (name !== host && name.slice(0, host.length + 1) !== `${host}:`) return false
  const line = String(r.variables.request)
  const start = line.indexOf(' ') + 1
  if (line.charAt(start) === '/') return true
  // `http://host:port/…`: what stands between the second slash and the third.
  return line.split('/')[2] === header
}

function isPreflight(r: NjsRequest): boolean {
  return r.headersIn.Origin !== undefined && r.headersIn['Access-Control-Request-Method'] !== undefined
}

/** Hands the parts of the signature to the verifier, one variable each, where the policy holds; else says what is wrong. */
function holdsSignature(r: NjsRequest, target: RawTarget): boolean {
  const cookie = r.headersIn.Cookie
  const read = readSignature(
    {
      url: `https://${String(r.headersIn.Host).toLowerCase()}${target.path}`,
      querystring: target.querystring,
      cookieHeader: cookie === undefined ? '' : cookie,
      clientIp: r.remoteAddress,
      now: Math.floor(Date.now() / 1000),
    },
    edge.unknowns.duplicates,
  )
  const variables = r.variables
  if ('code' in read) {
    variables.edge_code = read.code
    variables.edge_reason = read.reason
    return false
  }
  const unmatchedUrl = read.unmatchedUrl === undefined ? '' : toCloudFrontBase64(read.unmatchedUrl)
  const fields = read.fields
  variables.edge_key_pair_id = fields.keyPairId
  variables.edge_hash_algorithm = fields.hashAlgorithm
  variables.edge_signature = fields.signature
  variables.edge_policy = fields.encodedPolicy
  variables.edge_unmatched_url = unmatchedUrl
  // The key of the verifier's answer in nginx's cache. A digest, because nginx writes the key to the disk; no grammar of a field
  // takes the space between them, so two questions never have one key.
  const generation = fs.readFileSync(edge.keyGroupGenerationFile, 'utf8')
  variables.edge_signature_key = crypto
    .createHash('sha256')
    .update(
      `${generation} ${fields.keyPairId} ${fields.hashAlgorithm} ${fields.signature} ${fields.encodedPolicy} ${unmatchedUrl}`,
    )
    .digest('base64url')
  return true
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
    decided.failure = outcome.status
  }
  const signed = (edge.behaviours[index] as EdgeBehaviour).signed && suffix !== '-open'
  // CloudFront checks the signature first, so a function's answer waits for it.
  go(r, signed ? 'respond-signed' : 'respond')
}

/** Leaves the headers for the locations that send changed ones. */
function sendChanged(r: NjsRequest, behaviour: EdgeBehaviour, request: FunctionRequest): void {
  const lines = changeableHeaders(behaviour, request)
  for (let i = 0; i < behaviour.changeableHeaders.length; i++) {
    const name = behaviour.changeableHeaders[i] as string
    const line = lines[name] === undefined ? '' : (lines[name] as string)
    r.variables[changedHeaderVariable(name)] = name === 'range' ? originRange(r.method, line) : line
  }
}

function forward(r: NjsRequest, index: number, target: RawTarget, suffix: string): void {
  const behaviour = edge.behaviours[index] as EdgeBehaviour
  const query = forwardedQuerystring(stripSignature(target.querystring), behaviour.querystrings)
  const path = behaviour.bucket ? originPath(target.path) : target.path
  r.variables.edge_uri = `${behaviour.originPath}${path}${query === '' ? '' : `?${query}`}`
  go(r, `behaviour${index}${suffix}`)
}

/** An error of CloudFront's own: the custom page where there is one for it. */
function refuse(r: NjsRequest): string {
  return go(r, includes(edge.errorPages, 403) ? 'page403' : 'refuse')
}

function go(r: NjsRequest, location: string): string {
  r.variables.edge_target = location
  return ''
}
