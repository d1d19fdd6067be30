import type { EdgeBehaviour, EdgeConfig } from '../edge-config.ts'
import { decided, loaderOf } from './decided.ts'
import { readResponse } from './function-response.ts'
import { emptyValues } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { originRange } from './range.ts'
import { functionEvent, functionRequest } from './viewer-request.ts'
import { applyPolicy, responseHeaders, snapshot, writeChanges } from './viewer-response.ts'

/**
 * The edge, in njs: what CloudFront decides between a viewer's request and the origin's answer. nginx asks once for each
 * request (`decide`, in the rewrite phase), which names the location that goes on with it; that location lets nginx verify the
 * signature and fetch from the origin, and has the response's headers written (`finish`). One njs VM serves both.
 *
 * Every request takes this one way. Untrusted text is parsed once, at its beginning (`signature.ts`, `function-values.ts`), and
 * reaches nginx and the verifier as one variable and one header for each field.
 */
export { decide } from './decide.ts'
export { decided, use } from './decided.ts'

/** The range to ask a bucket for, as `$edge_range`. */
export function range(r: NjsRequest): string {
  const sent = r.headersIn.Range
  return sent === undefined ? '' : originRange(r.method, sent)
}

/**
 * The second half of the edge: the headers of what an origin answers. See `edge.ts`.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** `js_preload_object edge`. */
declare const edge: EdgeConfig

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
