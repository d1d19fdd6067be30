import { Hono } from 'hono'
import type { OpenAPIV3_1 } from 'openapi-types'
import type { ApiEnv } from '../actor.ts'
import { apiDocsPage } from '../docs-page.ts'

/** `/api/openapi.json` and, made from it, `/api/docs`. `generate` runs once, when the first of them is asked for. */
export function docsRoutes(generate: () => Promise<OpenAPIV3_1.Document>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  let made: Promise<OpenAPIV3_1.Document> | undefined
  const document = () => {
    made ??= generate()
    return made
  }
  app.get('/openapi.json', async (context) => context.json(await document()))
  app.get('/docs', async (context) => {
    const page = apiDocsPage(await document())
    // Nothing but its own text and style: no script, no frame, no request.
    context.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
    return context.html(page)
  })
  return app
}
