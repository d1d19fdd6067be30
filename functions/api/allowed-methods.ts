import type { Hono } from 'hono'
import type { ApiEnv } from './actor.ts'

const routed = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/**
 * The methods that a path has a route for, as `Allow` lists them; empty where the path is unknown. Middleware stands beside
 * the routes for all methods, and answers for none of them.
 */
export function allowedMethods({ router }: Hono<ApiEnv>, path: string): readonly string[] {
  const methods = routed.filter((method) =>
    router.match(method, path)[0].some(([[, route]]) => route.method === method),
  )
  if (methods.length === 0) return []
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS']
}
