import type { CloudFrontHeaders, CloudFrontRequest, CloudFrontRequestEvent, CloudFrontResultResponse } from 'aws-lambda'
import { EdgeSignerError } from '../../shared/errors.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'

/**
 * Between Lambda@Edge's events and our own shapes, and CloudFront's rules for generated responses.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-event-structure.html
 */

/** One viewer request, with what CloudFront says about it. */
export interface EdgeRequest {
  readonly request: HttpRequest
  /** The distribution's own name, such as `d111111abcdef8.cloudfront.net`. */
  readonly distributionDomainName: string
  /** The id that CloudFront's logs have too. */
  readonly requestId: string
}

/** A request that may go on to the origin. */
export interface Passage {
  /** The query string that the origin gets. */
  readonly querystring: string
}

/** Translates a viewer-request event. */
export function fromCloudFront(event: CloudFrontRequestEvent): EdgeRequest {
  const cf = recordOf(event)
  const headers = readHeaders(cf.request.headers)
  return {
    request: {
      method: cf.request.method.toUpperCase(),
      host: (headers.host ?? '').toLowerCase(),
      path: cf.request.uri,
      querystring: cf.request.querystring,
      headers,
      clientIp: cf.request.clientIp,
    },
    distributionDomainName: cf.config.distributionDomainName,
    requestId: cf.config.requestId,
  }
}

/** The event's request as it goes on: CloudFront takes the object back, changed where a viewer-request function may change it. */
export function letPass(event: CloudFrontRequestEvent, { querystring }: Passage): CloudFrontRequest {
  return { ...recordOf(event).request, querystring }
}

function recordOf(event: CloudFrontRequestEvent) {
  const cf = event.Records[0]?.cf
  if (cf === undefined) throw new EdgeSignerError('ERR_INTERNAL', 'no record')
  return cf
}

function readHeaders(lines: CloudFrontHeaders): Record<string, string> {
  // A viewer names the headers: without a prototype `__proto__` and `constructor` are names like any other.
  const headers: Record<string, string> = Object.create(null)
  for (const name of Object.keys(lines)) {
    const values = lines[name]
    if (values === undefined || values.length === 0) continue
    const first = values[0]?.value ?? ''
    headers[name] = values.length === 1 ? first : values.map(({ value }) => value).join(name === 'cookie' ? '; ' : ', ')
  }
  return headers
}

/** The most that a viewer-request function may answer, headers included. */
const maxBytes = 40 * 1024

/**
 * Translates a response: lower-case names, one `set-cookie` entry for each cookie.
 *
 * @throws EdgeSignerError `ERR_INTERNAL` for what CloudFront would turn into a 502: a header that is not ours to set, a value that
 *   is no header value, a body with 204, more than 40 KB.
 */
export function toCloudFront(response: HttpResponse): CloudFrontResultResponse {
  const headers: CloudFrontHeaders = {}
  let bytes = Buffer.byteLength(response.body)
  if (response.status === 204 && bytes > 0) throw new EdgeSignerError('ERR_INTERNAL', 'a 204 has no body')
  for (const [name, value] of response.headers) {
    const lines = headers[name]
    if (lines === undefined && !isAllowed(name)) {
      throw new EdgeSignerError('ERR_INTERNAL', 'a forbidden header')
    }
    // RFC 9110 section 5.5, ASCII only: a line break would start a header of somebody else's choice.
    if (/[^\t\x20-\x7e]/.test(value)) throw new EdgeSignerError('ERR_INTERNAL', 'not ASCII')
    bytes += name.length + value.length + 4
    if (lines === undefined) headers[name] = [{ key: name, value }]
    else lines.push({ key: name, value })
  }
  if (bytes > maxBytes) throw new EdgeSignerError('ERR_INTERNAL', 'a response has at most 40 KB')
  // Left out where it is empty: with 204 even an empty `body` field is a risk not worth taking.
  return { status: String(response.status), headers, ...(response.body === '' ? {} : { body: response.body }) }
}

/** Names that passed before: there are about a dozen, all written in this code and none by a viewer. */
const allowed = new Set<string>()

function isAllowed(name: string): boolean {
  if (allowed.has(name)) return true
  if (forbidden.test(name)) return false
  allowed.add(name)
  return true
}

/**
 * Disallowed and read-only headers, and names that are not lower-case tokens.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
 */
const forbidden =
  /[^a-z0-9-]|^(?:connection|content-encoding|content-length|expect|host|keep-alive|proxy-.*|trailer|transfer-encoding|upgrade|via|warning|x-accel-.*|x-amz-cf-.*|x-amzn-.*|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip)$/
