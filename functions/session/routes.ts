import { RequestError } from '../../shared/errors.ts'
import { corsHeaders, preflightResponse } from '../../shared/http/cors.ts'
import { refuseCrossSite } from '../../shared/http/cross-site.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import type { EdgeRequest, Passage } from './event.ts'
import { guardFile } from './gate.ts'
import { loginLocation } from './login.ts'
import { mintSession } from './mint.ts'
import { MethodRefusal, refuse } from './refusal.ts'
import type { SessionServices } from './services.ts'
import { endSession, endSessionAndReturn } from './sign-out.ts'

const sessionMethods = 'GET, POST, DELETE, OPTIONS'
const endMethods = 'GET, OPTIONS'

/** What a page may send beside the safelisted headers. */
const requestHeaders = 'Authorization, Content-Type'

/**
 * Answers a request, or lets it pass to the origin. Promises an answer for everything, with CORS and CORP, and never to
 * throw.
 */
export async function answer(
  edge: EdgeRequest,
  services: SessionServices,
  now: number,
): Promise<HttpResponse | Passage> {
  const { request } = edge
  const response = await route(edge, services, now).catch((error: unknown) =>
    refuse(error, edge, () => loginLocation(edge, services)),
  )
  if (!('status' in response)) return response
  const cors = response.headers.some(([name]) => name === 'vary')
    ? []
    : corsHeaders(request.headers.origin, services.isAllowedOrigin)
  return {
    status: response.status,
    // RFC 9110 section 9.3.2: an answer to HEAD has no content.
    body: request.method === 'HEAD' ? '' : response.body,
    headers: [...response.headers, ...cors, ['cross-origin-resource-policy', services.config.corp]],
  }
}

async function route(edge: EdgeRequest, services: SessionServices, now: number): Promise<HttpResponse | Passage> {
  const { request } = edge
  switch (request.path) {
    case '/_edge/session':
      switch (request.method) {
        case 'POST':
          refuseCrossSite(request, services.isAllowedOrigin)
          return mintSession(edge, services, now)
        case 'GET':
          return mintSession(edge, services, now)
        case 'DELETE':
          return endSession(request, services, now)
        case 'OPTIONS':
          return preflight(edge, services, sessionMethods)
        default:
          throw new MethodRefusal(sessionMethods)
      }
    case '/_edge/session/end':
      switch (request.method) {
        case 'GET':
          return endSessionAndReturn(request, services, now)
        case 'OPTIONS':
          return preflight(edge, services, endMethods)
        default:
          throw new MethodRefusal(endMethods)
      }
    default:
      if (request.path.startsWith('/_edge/')) throw new RequestError('ERR_NOT_FOUND')
      // Associated with a path of files by a stage that was packaged to leave them to CloudFront: closed.
      if (services.config.gate === null) throw new RequestError('ERR_NOT_IMPLEMENTED')
      return guardFile(edge, services.config.gate, services, now)
  }
}

function preflight({ request }: EdgeRequest, services: SessionServices, methods: string): HttpResponse {
  return preflightResponse(request.headers.origin, services.isAllowedOrigin, methods, requestHeaders)
}
