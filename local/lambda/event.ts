import type { CloudFrontHeaders, CloudFrontRequest, CloudFrontRequestEvent } from 'aws-lambda'
import { splitTarget } from '../cloudfront/njs/path.ts'

/** A viewer's request before the function runs. */
export interface ViewerRequest {
  readonly method: string
  /** Raw path and query string, as sent. */
  readonly target: string
  /** Alternating names and values, as in Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[]
  readonly clientIp: string
  readonly requestId: string
  readonly distributionId: string
  /** `undefined` unless the association includes it. */
  readonly body: Buffer | undefined
}

/** Max bytes of a body in a viewer-request event; the rest is cut off (Developer Guide, "Quotas on Lambda@Edge"). */
const maxEventBody = 40 * 1024

/** Headers that nginx adds or changes between the edge and the host. The viewer's own are not in this form. */
const internal = /^(connection|x-edge-behaviour|x-edge-viewer-address|x-edge-request-id)$/

/**
 * Returns the event of a viewer-request function.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
 *
 * The distribution's domain name is the name in the request: the emulation has no other.
 */
export function viewerRequestEvent(viewer: ViewerRequest): CloudFrontRequestEvent {
  const headers = eventHeaders(viewer.rawHeaders)
  const { path, querystring } = splitTarget(viewer.target)
  return {
    Records: [
      {
        cf: {
          config: {
            distributionDomainName: (headers.host?.[0]?.value ?? '').toLowerCase(),
            distributionId: viewer.distributionId,
            eventType: 'viewer-request',
            requestId: viewer.requestId,
          },
          request: {
            clientIp: viewer.clientIp,
            headers,
            method: viewer.method,
            querystring,
            uri: path,
            ...(viewer.body === undefined ? {} : { body: eventBody(viewer.body) }),
          },
        },
      },
    ],
  }
}

function eventHeaders(rawHeaders: readonly string[]): CloudFrontHeaders {
  // Header names are untrusted. Without a prototype, `__proto__` and `constructor` are ordinary names.
  const headers: CloudFrontHeaders = Object.create(null)
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const key = rawHeaders[i] ?? ''
    const name = key.toLowerCase()
    if (internal.test(name)) continue
    const line = { key, value: rawHeaders[i + 1] ?? '' }
    const lines = headers[name]
    if (lines === undefined) headers[name] = [line]
    else lines.push(line)
  }
  return headers
}

function eventBody(body: Buffer): NonNullable<CloudFrontRequestEvent['Records'][0]['cf']['request']['body']> {
  return {
    action: 'read-only',
    data: body.subarray(0, maxEventBody).toString('base64'),
    encoding: 'base64',
    inputTruncated: body.length > maxEventBody,
  }
}

/** A valid response that the function generated. Header lines are in order. */
export interface GeneratedResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
}

/** A request that the function forwards to the origin. */
export interface ForwardedRequest {
  readonly kind: 'request'
  readonly uri: string
  readonly querystring: string
  readonly headers: CloudFrontHeaders
}

/** A result for which CloudFront responds 502. The reason is for the emulation's log. */
export interface InvalidResult {
  readonly kind: 'invalid'
  readonly reason: string
}

/** Max size of a response that a viewer-request function generates, including its headers. */
const maxResponseBytes = 40 * 1024

/**
 * Headers that no edge function may add or change.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
 */
const disallowed =
  /^(connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|trailer|upgrade|x-accel-buffering|x-accel-charset|x-accel-limit-rate|x-accel-redirect|x-amz-cf-.*|x-amzn-.*|x-cache.*|x-edge-.*|x-forwarded-proto|x-real-ip)$/
/** Headers that are read-only in a viewer-request event, and therefore in the response that it generates. */
const readOnlyInResponse = /^(content-length|transfer-encoding|via|warning|content-encoding)$/
const readOnlyInRequest = /^(content-length|host|transfer-encoding)$/

/** Reads the result of a viewer-request function, as strictly as CloudFront does. */
export function readResult(
  result: unknown,
  original: CloudFrontRequest,
): GeneratedResponse | ForwardedRequest | InvalidResult {
  if (typeof result !== 'object' || result === null) return invalid('the function returned no object')
  const fields = result as Record<string, unknown>
  return 'status' in fields ? readResponse(fields) : readRequest(fields, original)
}

function readResponse(fields: Record<string, unknown>): GeneratedResponse | InvalidResult {
  const { status, body, bodyEncoding } = fields
  if (typeof status !== 'string' || !/^[2-5]\d\d$/.test(status)) return invalid('status must be a text such as "200"')
  const lines = readHeaders(fields.headers)
  if (typeof lines === 'string') return invalid(lines)
  const wrong = lines.find(([name]) => disallowed.test(name) || readOnlyInResponse.test(name))
  if (wrong !== undefined) return invalid(`the header ${wrong[0]} cannot be set`)
  if (body !== undefined && typeof body !== 'string') return invalid('body must be text')
  if (bodyEncoding !== undefined && bodyEncoding !== 'text' && bodyEncoding !== 'base64') {
    return invalid('bodyEncoding must be text or base64')
  }
  if (status === '204' && body !== undefined && body !== '') return invalid('a 204 has no body')
  const bytes = Buffer.from(body ?? '', bodyEncoding === 'base64' ? 'base64' : 'utf8')
  const size = lines.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value) + 4, bytes.length)
  if (size > maxResponseBytes) return invalid(`the response has ${size} bytes, CloudFront accepts ${maxResponseBytes}`)
  return { kind: 'response', status: Number(status), headers: lines, body: bytes }
}

function readRequest(fields: Record<string, unknown>, original: CloudFrontRequest): ForwardedRequest | InvalidResult {
  const { uri, querystring, method, headers } = fields
  if (typeof uri !== 'string' || !uri.startsWith('/')) return invalid('uri must start with /')
  if (typeof querystring !== 'string') return invalid('querystring must be text')
  if (method !== original.method) return invalid('method is read-only')
  if (/[\s#]/.test(uri) || /[\s#]/.test(querystring)) return invalid('uri and querystring must be encoded')
  const lines = readHeaders(headers)
  if (typeof lines === 'string') return invalid(lines)
  const changed = lines.find(([name]) => disallowed.test(name) && headerLines(original.headers, name) === undefined)
  if (changed !== undefined) return invalid(`the header ${changed[0]} cannot be set`)
  const given = headers as CloudFrontHeaders
  for (const name of new Set([...Object.keys(original.headers), ...Object.keys(given)])) {
    if (readOnlyInRequest.test(name) && !isSameHeader(original.headers, given, name)) {
      return invalid(`the header ${name} is read-only`)
    }
  }
  return { kind: 'request', uri, querystring, headers: given }
}

/** Returns the lines of `{name: [{key?, value}]}`, or the fault that makes it invalid. */
function readHeaders(headers: unknown): Array<[string, string]> | string {
  if (headers === undefined) return []
  if (typeof headers !== 'object' || headers === null) return 'headers must be an object'
  const lines: Array<[string, string]> = []
  for (const [name, values] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return `the header name ${JSON.stringify(name)} must be in lower case`
    if (!Array.isArray(values)) return `the header ${name} must be a list`
    for (const { key, value } of values as Array<{ key?: unknown; value?: unknown }>) {
      if (key !== undefined && String(key).toLowerCase() !== name)
        return `the key of the header ${name} is another name`
      if (typeof value !== 'string' || /[\r\n\0]/.test(value)) return `the header ${name} has a value that is not text`
      lines.push([name, value])
    }
  }
  return lines
}

type HeaderLines = CloudFrontHeaders[string]

/** Returns the lines of a header. A function's object may have a prototype, whose members are not headers. */
export function headerLines(headers: CloudFrontHeaders, name: string): HeaderLines | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined
}

/** Returns true if a header has the same lines in both. */
export function isSameHeader(a: CloudFrontHeaders, b: CloudFrontHeaders, name: string): boolean {
  const values = (headers: CloudFrontHeaders) => JSON.stringify(headerLines(headers, name)?.map(({ value }) => value))
  return values(a) === values(b)
}

function invalid(reason: string): InvalidResult {
  return { kind: 'invalid', reason }
}
