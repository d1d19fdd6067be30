import type { FunctionRequest, FunctionValues } from '../../shared/cloudfront/function-event.ts'
import { isFraming, readResponse } from './function-response.ts'
import { addValue, valuesOf } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import type { PlainEdge } from './plain-edge.ts'
import { plainEvent } from './plain-event.ts'

/**
 * The end of the short way (`plain-request.ts`): the headers of what the bucket answers.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** Header filter of an origin's response: the headers policy, then the viewer-response function where it runs. */
export function finishPlain(edge: PlainEdge, index: number, r: NjsRequest, request: FunctionRequest): void {
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
