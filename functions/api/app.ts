import { Hono } from 'hono'
import type { LambdaEvent } from 'hono/aws-lambda'
import { bodyLimit } from 'hono/body-limit'
import { RequestError } from '../../shared/errors.ts'
import { generatedHeaders } from '../../shared/read/answer-headers.ts'
import { corsHeaders, preflightResponse } from '../../shared/read/cors.ts'
import { type ApiEnv, authenticate } from './actor.ts'
import { openApiDocument } from './openapi.ts'
import { apiProblem, problemOf } from './problem.ts'
import { adminRoutes } from './routes/admin.ts'
import { assetRoutes } from './routes/assets.ts'
import { docsRoutes } from './routes/docs.ts'
import { downloadRoutes } from './routes/downloads.ts'
import { serviceRoutes } from './routes/service.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { uppyRoutes } from './routes/uppy.ts'
import type { ApiServices } from './services.ts'

const methods = 'GET, POST, DELETE, OPTIONS'
/** 10,000 parts with their ETags are about 1 MB. */
const maxBodyBytes = 2 * 1024 ** 2

/** The regional API. Every route is under `/api`, as CloudFront forwards the path unchanged. The same app in Lambda and in Node. */
export function createApp(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath('/api')

  app.use(async (context, next) => {
    const origin = context.req.header('origin')
    if (context.req.method === 'OPTIONS') {
      const { status, headers } = preflightResponse(origin, services.readers, methods)
      return new Response(null, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) })
    }
    requireDecodableQuery(context.req.url)
    await next()
    const { headers } = context.res
    for (const [name, value] of corsHeaders(origin, services.readers)) headers.set(name, value)
    // URLs and tickets are for one user, and a health check must reach the function, not a copy in a cache.
    for (const [name, value] of generatedHeaders) headers.set(name, value)
    return undefined
  })
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError: () => apiProblem('ERR_BODY_TOO_LARGE') }))

  const session = authenticate(services)
  for (const path of ['/me', '/uploads', '/downloads', '/assets', '/s3', '/admin']) {
    app.use(path, session)
    app.use(`${path}/*`, session)
  }
  app.route('/', serviceRoutes(services))
  app.route('/uploads', uploadRoutes(services))
  app.route('/downloads', downloadRoutes(services))
  app.route('/assets', assetRoutes(services))
  app.route('/s3', uppyRoutes(services))
  app.route('/admin', adminRoutes(services))
  app.route(
    '/',
    docsRoutes(() => openApiDocument(app, services.config.session.cookieName)),
  )

  // After `session`: without a session, no response tells which paths exist.
  app.notFound((context) => {
    const methods = allowedMethods(app, context.req.path)
    if (methods.length === 0) return apiProblem('ERR_NOT_FOUND')
    const problem = apiProblem('ERR_METHOD_NOT_ALLOWED')
    problem.headers.set('allow', methods.join(', '))
    return problem
  })
  app.onError((error, context) => problemOf(error, context, services))
  return app
}

/** Refuses a query that is not UTF-8 in percent-encoding: the framework would use such a value undecoded, as another text. */
function requireDecodableQuery(url: string): void {
  const at = url.indexOf('?')
  if (at < 0) return
  try {
    decodeURIComponent(url.slice(at))
  } catch (cause) {
    throw new RequestError('ERR_REQUEST_INVALID', undefined, { cause })
  }
}

const routed = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * Returns the methods that a path has a route for, as `Allow` lists them; empty for an unknown path. Middleware is registered for
 * all methods, and counts for none of them.
 */
export function allowedMethods({ router }: Hono<ApiEnv>, path: string): readonly string[] {
  const methods = routed.filter((method) =>
    router.match(method, path)[0].some(([[, route]]) => route.method === method),
  )
  if (methods.length === 0) return []
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS']
}

/**
 * The event of an HTTP API (payload format 2.0) as the app can read it.
 *
 * API Gateway's HTTP APIs hand `rawPath` over decoded, so a key with a `%` or a `#` in it would be read as another one; encoded again
 * segment by segment it is the path in its normal form. The origin of an encoded `/` or `?` is lost, but no key contains one.
 *
 * The content of a GET or HEAD has no meaning (RFC 9110 section 9.3.1), and no `Request` can be made with one: it is left out.
 */
export function readableEvent(event: LambdaEvent): LambdaEvent {
  if (!('rawPath' in event)) return event
  const { method } = event.requestContext.http
  const content = method === 'GET' || method === 'HEAD' ? { body: null, isBase64Encoded: false } : {}
  return { ...event, rawPath: encodeRawPath(event.rawPath), ...content }
}

/** A decoded path, encoded segment by segment. */
export function encodeRawPath(rawPath: string): string {
  return rawPath.split('/').map(encodeURIComponent).join('/')
}
