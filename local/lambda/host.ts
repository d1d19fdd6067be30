import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { CloudFrontRequest } from 'aws-lambda'
import { originPath } from '../cloudfront/njs/path.ts'
import { originRange } from '../cloudfront/njs/range.ts'
import { errorPage } from '../cloudfront/njs/refusal.ts'
import type { LambdaHandler } from './bundle.ts'
import { type ForwardedRequest, headerLines, isSameHeader, readResult, viewerRequestEvent } from './event.ts'

/** A behaviour with which the function is associated. */
export interface LambdaAssociation {
  readonly includeBody: boolean
  /** True if the origin is a bucket, which reads paths and ranges as S3 does. */
  readonly bucket: boolean
  /** Request headers that the origin gets; `null` if it gets all of them, as the viewer sent them. */
  readonly forwardedHeaders: readonly string[] | null
}

/** Settings of the server that runs a Lambda@Edge function. */
export interface LambdaEdgeHostOptions {
  readonly handler: LambdaHandler
  readonly functionArn: string
  readonly distributionId: string
  /** By behaviour index. */
  readonly associations: Readonly<Record<string, LambdaAssociation>>
  /** Default 5000, CloudFront's timeout for a viewer event. */
  readonly timeoutMs?: number
  readonly log: (line: string) => void
  /**
   * Returns the reasons that the function logged for a request, and forgets them. The answer shows them in `X-Edge-Signer-Reason`. The
   * function cannot: CloudFront refuses an answer whose header begins with `X-Edge-`.
   */
  readonly takeReasons?: (requestId: string) => readonly string[]
}

/**
 * Runs a Lambda@Edge function for nginx: each request to this server is a viewer request. A response that the function generates is
 * returned as it is. A forwarded request is answered with `X-Accel-Redirect`, so that the object's bytes never pass through here.
 */
export function createLambdaEdgeHost(options: LambdaEdgeHostOptions): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.log(`LambdaExecutionError: ${error instanceof Error ? error.message : String(error)}`)
      sendError(response, 503, 'LambdaExecutionError')
    })
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: LambdaEdgeHostOptions,
): Promise<void> {
  const index = String(request.headers['x-edge-behaviour'])
  const association = options.associations[index]
  if (association === undefined) throw new Error(`no association with behaviour ${index}`)
  const body = await readBody(request)
  const viewer = {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    rawHeaders: request.rawHeaders,
    clientIp: String(request.headers['x-edge-viewer-address']),
    requestId: String(request.headers['x-edge-request-id']),
    distributionId: options.distributionId,
    body: association.includeBody ? body : undefined,
  }
  const original = viewerRequestEvent(viewer).Records[0]?.cf.request
  if (original === undefined) throw new Error('the event has no request')
  const context = {
    functionName: options.functionArn.split(':')[6] ?? '',
    functionVersion: '1',
    invokedFunctionArn: options.functionArn,
    memoryLimitInMB: '128',
    awsRequestId: original.headers['x-edge-request-id']?.[0]?.value ?? '',
  }
  const returned = await withTimeout(
    options.handler(asReceived(viewerRequestEvent(viewer)), context),
    options.timeoutMs ?? 5000,
  )
  const reasons = options.takeReasons?.(viewer.requestId) ?? []
  const result = readResult(returned, original)
  if (result.kind === 'invalid') {
    options.log(`LambdaValidationError: ${result.reason}`)
    return sendError(response, 502, 'LambdaValidationError')
  }
  if (result.kind === 'request') return forward(response, index, result, original, association, options)
  response.writeHead(result.status, [
    ...result.headers.flat(),
    'X-Cache',
    'LambdaGeneratedResponse from cloudfront',
    ...(reasons.length === 0
      ? []
      : ['X-Edge-Signer-Reason', reasons.join(', '), 'Access-Control-Expose-Headers', 'X-Edge-Signer-Reason']),
    ...(result.status === 204 || result.status === 304 ? [] : ['Content-Length', String(result.body.length)]),
  ])
  response.end(request.method === 'HEAD' ? undefined : result.body)
}

/** Copies an event as JSON. Lambda's runtime parses events from JSON, so objects have their usual prototype. */
function asReceived(event: object): unknown {
  return JSON.parse(JSON.stringify(event))
}

/** The conditional headers with a date, each with the one that overrides it. */
const overriddenBy: Readonly<Record<string, string | undefined>> = {
  'if-modified-since': 'if-none-match',
  'if-unmodified-since': 'if-match',
}

/** Tells nginx to forward the request. `original` are the viewer's headers, and `result.headers` those that the function returned. */
function forward(
  response: ServerResponse,
  index: string,
  result: ForwardedRequest,
  { headers: original, method }: CloudFrontRequest,
  association: LambdaAssociation,
  options: LambdaEdgeHostOptions,
): void {
  const { forwardedHeaders } = association
  const names = new Set([...Object.keys(original), ...Object.keys(result.headers)])
  const changed = [...names].filter((name) => !isSameHeader(original, result.headers, name))
  if (forwardedHeaders === null && changed.length > 0) {
    options.log(`The emulation does not support changed headers if an origin gets all of them: ${changed.join(', ')}`)
    sendError(response, 502, 'LambdaValidationError')
    return
  }
  response.setHeader('X-Accel-Redirect', `@forwarded${index}`)
  const path = association.bucket ? originPath(result.uri) : result.uri
  response.setHeader('X-Edge-Uri', result.querystring === '' ? path : `${path}?${result.querystring}`)
  for (const name of forwardedHeaders ?? []) {
    // An entity tag overrides the date beside it (RFC 9110 section 13.2.2). nginx would require both to match.
    const tag = overriddenBy[name]
    if (tag !== undefined && headerLines(result.headers, tag) !== undefined) continue
    const lines = headerLines(result.headers, name)?.map(({ value }) => value) ?? []
    const line = lines.join(name === 'cookie' ? '; ' : ', ')
    const sent = name === 'range' && association.bucket ? originRange(method, line) : line
    if (sent !== '') response.setHeader(`X-Edge-Header-${name}`, sent)
  }
  response.end()
}

function sendError(response: ServerResponse, status: 502 | 503, code: string): void {
  const title =
    status === 503
      ? 'The Lambda function associated with the CloudFront distribution is invalid or does not have the required permissions'
      : 'The Lambda function returned an invalid entry in the headers object or an invalid response'
  response.writeHead(status, {
    'content-type': 'text/html',
    'x-cache': `${code} from cloudfront`,
    'x-content-type-options': 'nosniff',
  })
  response.end(errorPage(status, title, ''))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function withTimeout<T>(work: T | Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
