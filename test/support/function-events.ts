import type { FunctionRequest, FunctionResponse, FunctionValues } from '../../shared/cloudfront/function-event.ts'

/** The parts of a request that a test cares about; the rest is an ordinary GET of Alice's file. */
export interface RequestParts {
  readonly method?: string
  readonly uri?: string
  readonly querystring?: FunctionValues
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: FunctionValues
}

const context = {
  distributionDomainName: 'd111111abcdef8.cloudfront.net',
  distributionId: 'EDFDVBD6EXAMPLE',
  requestId: 'EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==',
}

/** The host of every event. */
export const eventHost = context.distributionDomainName

/** A viewer-request event as CloudFront Functions get it. */
export function viewerRequestEvent(parts: RequestParts = {}): { readonly request: FunctionRequest } {
  const request = {
    method: parts.method ?? 'GET',
    uri: parts.uri ?? '/users/alice/disk.img',
    querystring: parts.querystring ?? {},
    headers: valuesOf({ host: eventHost, ...parts.headers }),
    cookies: parts.cookies ?? {},
  }
  return {
    ...{ version: '1.0', context: { ...context, eventType: 'viewer-request' }, viewer: { ip: '198.51.100.11' } },
    request,
  }
}

/** A viewer-response event: the answer of the origin on its way to the viewer. */
export function viewerResponseEvent(
  uri: string,
  headers: FunctionValues,
  statusCode = 200,
): { readonly request: FunctionRequest; readonly response: FunctionResponse } {
  const event = viewerRequestEvent({ uri })
  return { ...event, response: { statusCode, statusDescription: 'OK', headers, cookies: {} } }
}

/** Headers of an event with one value each. */
export function valuesOf(headers: Readonly<Record<string, string>>): FunctionValues {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, { value }]))
}
