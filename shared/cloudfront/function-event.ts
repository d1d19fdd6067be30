/**
 * The event of CloudFront Functions, as far as this project reads it.
 *
 * Source: Amazon CloudFront Developer Guide, "CloudFront Functions event structure".
 */

/** A header, cookie or query parameter. `multiValue` is there where the name came more than once, and then it wins. */
export interface FunctionValue {
  value: string
  multiValue?: { value: string }[]
}

/** Names are in lower case for headers, and as they were sent for cookies and query parameters. */
export type FunctionValues = Record<string, FunctionValue | undefined>

/** The viewer's request. `uri` has no query string; header names are in lower case and `cookie` is not among them. */
export interface FunctionRequest {
  method: string
  uri: string
  querystring: FunctionValues
  headers: FunctionValues
  cookies: FunctionValues
}

/** A response that a function generates, or the one on its way to the viewer. */
export interface FunctionResponse {
  statusCode: number
  statusDescription?: string
  headers: FunctionValues
  cookies?: FunctionValues
  body?: { encoding: 'text'; data: string }
}

/** Event of a viewer-request function. */
export interface ViewerRequestEvent {
  readonly request: FunctionRequest
}

/** Event of a viewer-response function. */
export interface ViewerResponseEvent {
  readonly request: FunctionRequest
  readonly response: FunctionResponse
}
