import type { CloudFrontHeaders, CloudFrontRequest } from 'aws-lambda'

/** A response that the function made, checked; header lines in order. */
export interface GeneratedResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
}

/** A request that goes on to the origin. */
export interface ForwardedRequest {
  readonly kind: 'request'
  readonly uri: string
  readonly querystring: string
  readonly headers: CloudFrontHeaders
}

/** What CloudFront would answer with 502. The reason is for the log of the emulation. */
export interface InvalidResult {
  readonly kind: 'invalid'
  readonly reason: string
}

/** The most that a viewer-request function may answer, headers included. */
const mostBytes = 40 * 1024

/**
 * Headers that no edge function may add or change.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
 */
const disallowed =
  /^(connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|trailer|upgrade|x-accel-buffering|x-accel-charset|x-accel-limit-rate|x-accel-redirect|x-amz-cf-.*|x-amzn-.*|x-cache.*|x-edge-.*|x-forwarded-proto|x-real-ip)$/
/** Read-only in a viewer-request event, so in the response that it generates. */
const readOnlyInResponse = /^(content-length|transfer-encoding|via|warning|content-encoding)$/
const readOnlyInRequest = /^(content-length|host|transfer-encoding)$/

/** Reads what a viewer-request function returned, as strictly as CloudFront does. */
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
  if (size > mostBytes) return invalid(`the response has ${size} bytes, CloudFront accepts ${mostBytes}`)
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
  const changed = lines.find(([name]) => disallowed.test(name) && original.headers[name] === undefined)
  if (changed !== undefined) return invalid(`the header ${changed[0]} cannot be set`)
  const given = headers as CloudFrontHeaders
  for (const name of new Set([...Object.keys(original.headers), ...Object.keys(given)])) {
    if (readOnlyInRequest.test(name) && !isSameHeader(original.headers[name], given[name])) {
      return invalid(`the header ${name} is read-only`)
    }
  }
  return { kind: 'request', uri, querystring, headers: given }
}

/** Lines of `{name: [{key?, value}]}`, or what is wrong with it. */
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
      if (typeof value !== 'string' || /[\r\n\0]/.test(value)) return `the header ${name} has a value that is no text`
      lines.push([name, value])
    }
  }
  return lines
}

type HeaderLines = CloudFrontHeaders[string]

/** Whether two fields have the same lines. */
export function isSameHeader(a: HeaderLines | undefined, b: HeaderLines | undefined): boolean {
  return JSON.stringify(a?.map(({ value }) => value)) === JSON.stringify(b?.map(({ value }) => value))
}

function invalid(reason: string): InvalidResult {
  return { kind: 'invalid', reason }
}
