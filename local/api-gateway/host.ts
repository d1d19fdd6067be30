import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { resourceFields, resourcesOfType } from '../cloudfront/template/fields.ts'
import { referencedId, type Template } from '../cloudfront/template/intrinsics.ts'
import type { LambdaHandler } from '../lambda/bundle.ts'
import { UnsupportedConstructError } from '../local-error.ts'
import { decodedPath, httpApiEvent, httpApiResponse } from './event.ts'

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
