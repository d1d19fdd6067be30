import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { CloudFrontHeaders } from 'aws-lambda'
import { errorPage } from '../edge/refusal.ts'
import { viewerRequestEvent } from './lambda-edge-event.ts'
import { type ForwardedRequest, isSameHeader, readResult } from './lambda-edge-result.ts'
import type { LambdaHandler } from './load-bundle.ts'

/** One behaviour that the function is associated with. */
export interface LambdaAssociation {
  readonly includeBody: boolean
  /** Request headers that reach the origin one by one; `null` where all go as the viewer sent them. */
  readonly forwardedHeaders: readonly string[] | null
}

export interface LambdaEdgeHostOptions {
  readonly handler: LambdaHandler
  readonly functionArn: string
  readonly distributionId: string
  /** By behaviour index. */
  readonly associations: Readonly<Record<string, LambdaAssociation>>
  /** Milliseconds until an answer comes too late; CloudFront waits 5 s for a viewer event. */
  readonly timeoutMs?: number
  readonly log: (line: string) => void
}

/**
 * Runs a Lambda@Edge function for nginx: each request to this server is a viewer request. A response that the function made
 * goes back as it is; a request that goes on is named by `X-Accel-Redirect`, so that its bytes never pass through here.
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
  const event = viewerRequestEvent({
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    rawHeaders: request.rawHeaders,
    clientIp: String(request.headers['x-edge-viewer-address']),
    requestId: String(request.headers['x-edge-request-id']),
    distributionId: options.distributionId,
    body: association.includeBody ? body : undefined,
  })
  const original = structuredClone(event.Records[0]?.cf.request)
  if (original === undefined) throw new Error('the event has no request')
  const context = {
    functionName: options.functionArn.split(':')[6] ?? '',
    functionVersion: '1',
    invokedFunctionArn: options.functionArn,
    memoryLimitInMB: '128',
    awsRequestId: original.headers['x-edge-request-id']?.[0]?.value ?? '',
  }
  const returned = await withTimeout(options.handler(event, context), options.timeoutMs ?? 5000)
  const result = readResult(returned, original)
  if (result.kind === 'invalid') {
    options.log(`LambdaValidationError: ${result.reason}`)
    return sendError(response, 502, 'LambdaValidationError')
  }
  if (result.kind === 'request') return forward(response, index, result, original.headers, association, options)
  response.writeHead(result.status, [
    ...result.headers.flat(),
    'X-Cache',
    'LambdaGeneratedResponse from cloudfront',
    ...(result.status === 204 || result.status === 304 ? [] : ['Content-Length', String(result.body.length)]),
  ])
  response.end(request.method === 'HEAD' ? undefined : result.body)
}

const voidedBy: Readonly<Record<string, string | undefined>> = {
  'if-modified-since': 'if-none-match',
  'if-unmodified-since': 'if-match',
}

/** Tells nginx where to go on. `original` are the viewer's headers, `result.headers` those that the function let pass. */
function forward(
  response: ServerResponse,
  index: string,
  result: ForwardedRequest,
  original: CloudFrontHeaders,
  association: LambdaAssociation,
  options: LambdaEdgeHostOptions,
): void {
  const { forwardedHeaders } = association
  const names = new Set([...Object.keys(original), ...Object.keys(result.headers)])
  const changed = [...names].filter((name) => !isSameHeader(original[name], result.headers[name]))
  if (forwardedHeaders === null && changed.length > 0) {
    options.log(`The emulation cannot honour changed headers where an origin gets all of them: ${changed.join(', ')}`)
    sendError(response, 502, 'LambdaValidationError')
    return
  }
  response.setHeader('X-Accel-Redirect', `@forwarded${index}`)
  response.setHeader('X-Edge-Uri', result.querystring === '' ? result.uri : `${result.uri}?${result.querystring}`)
  for (const name of forwardedHeaders ?? []) {
    // RFC 9110 section 13.2.2: an entity tag makes the date beside it void; nginx would demand both.
    const tag = voidedBy[name]
    if (tag !== undefined && result.headers[tag] !== undefined) continue
    const lines = result.headers[name]?.map(({ value }) => value) ?? []
    if (lines.length > 0) response.setHeader(`X-Edge-Header-${name}`, lines.join(name === 'cookie' ? '; ' : ', '))
  }
  response.end()
}

function sendError(response: ServerResponse, status: 502 | 503, code: string): void {
  const title =
    status === 503
      ? 'The Lambda function associated with the CloudFront distribution is invalid or does not have the required permissions'
      : 'The Lambda function returned an invalid entry in the headers object or an invalid response'
  response.writeHead(status, { 'content-type': 'text/html', 'x-cache': `${code} from cloudfront` })
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
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
