import type { LambdaEvent } from 'hono/aws-lambda'

/**
 * The event of an HTTP API (payload format 2.0) as the app can read it.
 *
 * API Gateway's HTTP APIs hand `rawPath` over decoded, so a key with a `%` or a `#` in it would be read as another one; encoded again
 * segment by segment it is the path in its normal form. The origin of an encoded `/` or `?` is lost, but no key contains one.
 *
 * The content of a GET or HEAD has no meaning (RFC 9110 section 9.3.1), and no `Request` can be made with one: it is left out.
 */
export function readableEvent(event: LambdaEvent): LambdaEvent {
  if (!('rawPath' in event)) return event
  const { method } = event.requestContext.http
  const content = method === 'GET' || method === 'HEAD' ? { body: null, isBase64Encoded: false } : {}
  return { ...event, rawPath: encodeRawPath(event.rawPath), ...content }
}

/** A decoded path, encoded segment by segment. */
export function encodeRawPath(rawPath: string): string {
  return rawPath.split('/').map(encodeURIComponent).join('/')
}
