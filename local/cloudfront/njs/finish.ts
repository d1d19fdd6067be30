import type { EdgeBehaviour, EdgeConfig } from '../edge-config.ts'
import { decided, loaderOf } from './decided.ts'
import { readResponse } from './function-response.ts'
import { emptyValues } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import { functionEvent, functionRequest } from './viewer-request.ts'
import { applyPolicy, responseHeaders, snapshot, writeChanges } from './viewer-response.ts'

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
