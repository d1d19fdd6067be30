import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { decodedPath, httpApiEvent, httpApiResponse } from './http-api-event.ts'
import type { LambdaHandler } from './load-bundle.ts'

export interface HttpApiHostOptions {
  readonly handler: LambdaHandler
  readonly apiId: string
  /** Route keys of the API; only `ANY` and methods with a path that may end in `{proxy+}`. */
  readonly routes: readonly string[]
  readonly log: (line: string) => void
}

/** What API Gateway accepts of a request's body. */
const bodyLimit = 10 * 2 ** 20

/** Runs a regional function behind an HTTP API, as API Gateway calls it. */
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
    if (size > bodyLimit) return sendMessage(response, 413, 'Request Entity Too Large')
    parts.push(part as Buffer)
  }
  const { apiId } = options
  const event = httpApiEvent(request, { path, body: Buffer.concat(parts), routeKey, apiId, nowMs: Date.now() })
  const result = httpApiResponse(await options.handler(event, { awsRequestId: event.requestContext.requestId }))
  const lines = result.headers.filter(([name]) => name.toLowerCase() !== 'content-length')
  response.writeHead(result.status, [...lines.flat(), 'Content-Length', String(result.body.length)])
  response.end(result.body)
}

/** `GET /items`, `ANY /api/{proxy+}`, `$default`. */
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
