/** An HTTP request as the domain code sees it: one shape for Lambda@Edge, API Gateway and Node. */
export interface HttpRequest {
  /** Upper-case method. */
  readonly method: string
  /** The `Host` header in lower case, with its port where it has one. */
  readonly host: string
  /** The path as it was sent, still percent-encoded, without the query string. */
  readonly path: string
  /** The query string as it was sent, without `?`; empty where there is none. */
  readonly querystring: string
  /** Lower-case names; several lines of one field joined with `, ` (`cookie` with `; `), RFC 9110 section 5.3. */
  readonly headers: Readonly<Record<string, string>>
  /** The viewer's address as CloudFront saw it, IPv4 or IPv6. */
  readonly clientIp: string
}

/** A generated HTTP response. `headers` may name `set-cookie` more than once. */
export interface HttpResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** UTF-8 text; empty for 204, 303 and 307. */
  readonly body: string
}

/** A request that this service makes of another one. */
export interface OutgoingRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The whole of its answer. A redirect is an answer like any other: it is not followed. */
export interface Answer {
  readonly status: number
  /** Read as UTF-8. */
  readonly body: string
}

/**
 * Sends a request and reads its answer to the end, within `timeoutMs`.
 *
 * @throws Error for a fault of the network, an answer that is too long, and when the time is over.
 */
export type Send = (request: OutgoingRequest, timeoutMs: number) => Promise<Answer>

/** The only entry of `allowedOrigins` where pages of every origin may read without credentials. It allows no origin to do more. */
export const anyOrigin = '*'

/** Returns true if `allowedOrigins` is `'*'`. */
export function isOpenToAll(allowedOrigins: readonly string[]): boolean {
  return allowedOrigins[0] === anyOrigin
}
