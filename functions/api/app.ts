import { Hono } from 'hono'

/** The regional API. Every route is under `/api`, as CloudFront forwards the path unchanged. */
export function createApp(): Hono {
  const app = new Hono().basePath('/api')
  // A probe must meet the function itself, not a copy in a cache.
  app.get('/health', (context) => context.json({ status: 'ok' }, 200, { 'cache-control': 'no-store' }))
  return app
}
