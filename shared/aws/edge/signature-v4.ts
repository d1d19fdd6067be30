import { createHash, createHmac } from 'node:crypto'
import type { OutgoingRequest } from '../../http/message.ts'

/** Credentials of the function's role, read for each request because they rotate. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** One request to one AWS service. */
export interface AwsRequest {
  readonly service: string
  readonly region: string
  /** Without a query string, and with a path of unreserved characters only: nothing here needs more. */
  readonly url: string
  /** Lower-case names, values without surrounding or repeated white space. */
  readonly headers?: Readonly<Record<string, string>>
  /** Makes it a POST. */
  readonly body?: string
}

/** Dependencies of signing. */
export interface AwsSigning {
  readonly credentials: () => AwsCredentials
  /** Epoch milliseconds; AWS refuses a request that is more than five minutes off. */
  readonly nowMs: () => number
}

/** A request to send, signed now. */
export function signedRequest(request: AwsRequest, { credentials, nowMs }: AwsSigning): OutgoingRequest {
  const headers = signV4(request, credentials(), nowMs())
  const { url, body } = request
  return body === undefined ? { url, method: 'GET', headers } : { url, method: 'POST', headers, body }
}

/**
 * Signs a request with Signature Version 4: every header, and the hash of the body.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * Why not a library: the smallest that we know is a ninth of the edge bundle, most of it for requests that we do not make.
 *
 * @param nowMs epoch milliseconds.
 * @returns the headers to send, `authorization` among them.
 */
export function signV4(request: AwsRequest, credentials: AwsCredentials, nowMs: number): Record<string, string> {
  const { service, region, body } = request
  const { host, path } = splitUrl(request.url)
  const time = new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, '')
  const date = time.slice(0, 8)
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const bodyHash = sha256(body ?? '')
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  }

  const signed = Object.entries({ ...headers, host }).sort(([a], [b]) => (a < b ? -1 : 1))
  const names = signed.map(([name]) => name).join(';')
  const canonical = [
    body === undefined ? 'GET' : 'POST',
    path,
    '',
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    bodyHash,
  ].join('\n')
  const scope = `${date}/${region}/${service}/aws4_request`
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${secretAccessKey}`, date))
  const signature = hmac(key, text).toString('hex')
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  return headers
}

/** A path that would need encoding, or a query, would be signed wrongly: an error here, not AWS's `SignatureDoesNotMatch`. */
function splitUrl(url: string): { host: string; path: string } {
  const match = /^https?:\/\/([a-z0-9.:-]+)(\/[\w.~/-]*)$/.exec(url)
  if (match === null) throw new TypeError('cannot sign this URL')
  return { host: match[1] ?? '', path: match[2] ?? '' }
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/**
 * The credentials of a function's role. Lambda puts them into the environment, at the edge too.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 *
 * @param environment `process.env`.
 */
export function roleCredentials(environment: Readonly<Record<string, string | undefined>>): AwsCredentials {
  return {
    accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: environment.AWS_SESSION_TOKEN,
  }
}
