import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { generateSpecs } from 'hono-openapi'
import type { OpenAPIV3_1 } from 'openapi-types'
import { RequestError } from '../../shared/errors.ts'
import { corsHeaders, preflightResponse } from '../../shared/http/cors.ts'
import { type ApiEnv, authenticate } from './actor.ts'
import { allowedMethods } from './allowed-methods.ts'
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
const mostBodyBytes = 2 * 1024 ** 2

/** The regional API. Every route is under `/api`, as CloudFront forwards the path unchanged. The same app in Lambda and in Node. */
export function createApp(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath('/api')

  app.use(async (context, next) => {
    const origin = context.req.header('origin')
    if (context.req.method === 'OPTIONS') {
      const { status, headers } = preflightResponse(
        origin,
        services.isAllowedOrigin,
        methods,
        'authorization, content-type',
      )
      return new Response(null, { status, headers: headers.map(([name, value]): [string, string] => [name, value]) })
    }
    requireDecodableQuery(context.req.url)
    await next()
    const { headers } = context.res
    for (const [name, value] of corsHeaders(origin, services.isAllowedOrigin)) headers.set(name, value)
    // URLs and tickets are for who asked, and a probe must meet the function, not a copy in a cache.
    headers.set('cache-control', 'no-store')
    headers.set('x-content-type-options', 'nosniff')
    return undefined
  })
  app.use(bodyLimit({ maxSize: mostBodyBytes, onError: () => apiProblem('ERR_BODY_TOO_LARGE') }))

  const session = authenticate(services)
  for (const path of ['/uploads', '/downloads', '/assets', '/s3', '/admin']) {
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

  // Behind `session`: who is not signed in learns of no path whether it is there.
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

/** What is no UTF-8 once it is decoded would be taken as it is written, and so for another text than was meant. */
function requireDecodableQuery(url: string): void {
  const at = url.indexOf('?')
  if (at < 0) return
  try {
    decodeURIComponent(url.slice(at))
  } catch (cause) {
    throw new RequestError('ERR_REQUEST_INVALID', undefined, { cause })
  }
}

/** The OpenAPI 3.1 document, made from the schemas that check the requests. `cookieName` is the session cookie's. */
export async function openApiDocument(app: Hono<ApiEnv>, cookieName: string): Promise<OpenAPIV3_1.Document> {
  const document = await generateSpecs(app, {
    documentation: {
      openapi: '3.1.0',
      info: {
        title: 'Edge Signer API',
        version: '1',
        description:
          'Uploads, downloads, assets and revocations. Every problem is application/problem+json with a stable code.',
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          session: { type: 'apiKey', in: 'cookie', name: cookieName },
        },
      },
      security: [{ bearer: [] }, { session: [] }],
    },
  })
  return document as OpenAPIV3_1.Document
}
