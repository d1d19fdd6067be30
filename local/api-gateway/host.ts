import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { trimSpace } from '../../shared/http/cookies.ts'
import { resourceFields, resourcesOfType } from '../cloudfront/template/fields.ts'
import { pseudoParameters, referencedId, type Template } from '../cloudfront/template/intrinsics.ts'
import type { LambdaHandler } from '../lambda/bundle.ts'
import { UnsupportedConstructError } from '../local-error.ts'

/** An HTTP API whose routes all have the same function. */
export interface HttpApi {
  readonly functionId: string
  readonly routes: readonly string[]
}

/** Reads the function of an HTTP API and its routes. @throws UnsupportedConstructError if there is more than one function. */
export function httpApi(template: Template, apiId: string): HttpApi {
  const integrations = resourcesOfType(template, 'AWS::ApiGatewayV2::Integration')
  const functions = new Set(
    integrations.map((id) =>
      referencedId(resourceFields(template, id, 'AWS::ApiGatewayV2::Integration').text('IntegrationUri')),
    ),
  )
  const [functionId] = functions
  if (functions.size !== 1 || functionId === undefined) {
    throw new UnsupportedConstructError(apiId, 'the emulation runs one function behind an HTTP API')
  }
  const routes = resourcesOfType(template, 'AWS::ApiGatewayV2::Route').map((id) =>
    resourceFields(template, id, 'AWS::ApiGatewayV2::Route').text('RouteKey'),
  )
  return { functionId, routes }
}

/** Settings of the server that emulates an HTTP API. */
export interface HttpApiHostOptions {
  readonly handler: LambdaHandler
  readonly apiId: string
  /** Route keys: a method or `ANY`, and a path that may end in `{proxy+}`. */
  readonly routes: readonly string[]
  readonly log: (line: string) => void
}

/** Max size of a request's body at API Gateway. */
const maxBody = 10 * 2 ** 20

/** Creates a server that calls a regional function as an HTTP API of API Gateway does. */
export function createHttpApiHost(options: HttpApiHostOptions): Server {
  return createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 0 }, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.log(`api: ${error instanceof Error ? error.message : String(error)}`)
      sendMessage(response, 500, 'Internal Server Error')
    })
  })
}

async function answer(request: IncomingMessage, response: ServerResponse, options: HttpApiHostOptions): Promise<void> {
  const path = decodedPath(request.url ?? '/')
  if (path === undefined) return sendMessage(response, 400, 'Bad Request')
  const routeKey = options.routes.find((route) => matchesRoute(route, request.method ?? 'GET', path))
  if (routeKey === undefined) return sendMessage(response, 404, 'Not Found')
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += (part as Buffer).length
    if (size > maxBody) return sendMessage(response, 413, 'Request Entity Too Large')
    parts.push(part as Buffer)
  }
  const { apiId } = options
  const event = httpApiEvent(request, { path, body: Buffer.concat(parts), routeKey, apiId, nowMs: Date.now() })
  const result = httpApiResponse(await options.handler(event, { awsRequestId: event.requestContext.requestId }))
  const lines = result.headers.filter(([name]) => name.toLowerCase() !== 'content-length')
  response.writeHead(result.status, [...lines.flat(), 'Content-Length', String(result.body.length)])
  response.end(result.body)
}

/** Returns true if a route key matches: `GET /items`, `ANY /api/{proxy+}`, `$default`. */
export function matchesRoute(route: string, method: string, path: string): boolean {
  if (route === '$default') return true
  const [wanted = '', pattern = ''] = route.split(' ')
  if (wanted !== 'ANY' && wanted !== method) return false
  const proxy = pattern.indexOf('{proxy+}')
  if (proxy >= 0) return path.startsWith(pattern.slice(0, proxy)) && path.length > proxy
  return path === pattern
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ message }))
}

/** The parts of a request beside its head, and the API that it is for. */
interface HttpApiCall {
  /** As `decodedPath` returns it. */
  readonly path: string
  readonly body: Buffer
  /** The route that matched, e.g. `ANY /api/{proxy+}`. */
  readonly routeKey: string
  readonly apiId: string
  readonly nowMs: number
}

/**
 * Returns the path of a request target in the form that an HTTP API passes to a function: decoded, even in `rawPath`. Returns
 * `undefined` if the decoded path is not UTF-8.
 */
function decodedPath(target: string): string | undefined {
  try {
    return decodeURIComponent(splitTarget(target)[0])
  } catch {
    return undefined
  }
}

/**
 * Returns an HTTP API's event, payload format 2.0.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
function httpApiEvent(request: IncomingMessage, call: HttpApiCall): APIGatewayProxyEventV2 {
  const { path, body, routeKey, apiId, nowMs } = call
  const [, rawQueryString] = splitTarget(request.url ?? '/')
  const { cookie, ...others } = request.headers
  const headers = Object.fromEntries(
    Object.entries(others).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : value]),
  )
  const domainName = `${apiId.toLowerCase()}.execute-api.${pseudoParameters['AWS::Region']}.amazonaws.com`
  const isText = /^(text\/|application\/(json|.*\+json|xml|x-www-form-urlencoded|javascript))/.test(
    headers['content-type'] ?? '',
  )
  const query = joinQuery(rawQueryString)
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split(';').map(trimSpace) }),
    headers: { ...headers, host: domainName },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: pseudoParameters['AWS::AccountId'] ?? '',
      apiId,
      domainName,
      domainPrefix: apiId.toLowerCase(),
      http: {
        method: request.method ?? 'GET',
        path,
        protocol: 'HTTP/1.1',
        sourceIp: headers['x-forwarded-for']?.split(',').at(-1)?.trim() ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: `local-${nowMs.toString(36)}`,
      routeKey,
      stage: '$default',
      time: new Date(nowMs).toUTCString(),
      timeEpoch: nowMs,
    },
    ...(body.length === 0 ? {} : { body: isText ? body.toString('utf8') : body.toString('base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

/** Returns API Gateway's response for a function's result. An unstructured result is the JSON body of a 200. */
function httpApiResponse(result: unknown): {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: Buffer
} {
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) {
    const text = typeof result === 'string' ? result : JSON.stringify(result ?? null)
    return { status: 200, headers: [['content-type', 'application/json']], body: Buffer.from(text) }
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = result as APIGatewayProxyStructuredResultV2
  return {
    status: statusCode ?? 200,
    headers: [
      ...Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)] as const),
      ...(cookies ?? []).map((cookie) => ['set-cookie', cookie] as const),
    ],
    body: Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8'),
  }
}

/** Splits a request target into its path and its query string, both as sent. */
function splitTarget(target: string): [path: string, querystring: string] {
  const mark = target.indexOf('?')
  return mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

function joinQuery(rawQueryString: string): Record<string, string> | undefined {
  if (rawQueryString === '') return undefined
  // Parameter names are untrusted. Without a prototype, `__proto__` is an ordinary name.
  const joined: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    joined[name] = joined[name] !== undefined ? `${joined[name]},${value}` : value
  }
  return joined
}
