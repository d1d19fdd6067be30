import type {
  FunctionRequest,
  FunctionResponse,
  FunctionValue,
  FunctionValues,
} from '../../shared/cloudfront/function-event.ts'
import { addValue } from './function-values.ts'
import type { NjsRequest } from './njs.ts'
import type { PlainEdge } from './plain-edge.ts'

/**
 * The events of the short way: the same as those of the whole way, but for parts that are made when they are read.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** The event's `headers`: every field but `Cookie`. */
export function readHeaders(lines: ReadonlyArray<readonly [string, string]>): FunctionValues {
  const headers: FunctionValues = {}
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as readonly [string, string]
    const name = line[0].toLowerCase()
    if (headers[name] !== undefined) addValue(headers, name, line[1])
    else if (name !== 'cookie') headers[name] = { value: line[1] }
  }
  return headers
}

/** The event's request. Most requests carry a dozen cookies, and most functions look at none: they are read when asked for. */
export function plainRequest(edge: PlainEdge, r: NjsRequest, path: string, headers: FunctionValues): FunctionRequest {
  let cookies: FunctionValues | undefined
  return {
    method: 'GET',
    uri: path,
    querystring: {},
    headers: headers,
    get cookies(): FunctionValues {
      if (cookies === undefined) cookies = edge.whole().cookiesOf(r)
      return cookies
    },
    set cookies(changed: FunctionValues) {
      cookies = changed
    },
  }
}

/** The event of a viewer-request function, or, with a response, of a viewer-response function. */
export function plainEvent(
  edge: PlainEdge,
  eventType: string,
  r: NjsRequest,
  request: FunctionRequest,
  response: FunctionResponse | undefined,
): unknown {
  const event = {
    version: '1.0',
    context: {
      distributionDomainName: (request.headers.host as FunctionValue).value,
      distributionId: edge.distributionId,
      eventType: eventType,
      get requestId() {
        return r.variables.request_id
      },
    },
    viewer: {
      get ip() {
        return r.remoteAddress
      },
    },
    request: request,
  }
  return response === undefined ? event : Object.assign(event, { response: response })
}
