import type { HttpRequest } from './message.ts'

/**
 * Whether a person looks at the answer: a browser goes to the address (`Sec-Fetch-Mode: navigate`), or, where that header is
 * absent, a GET accepts HTML. Everything else is a fetch and gets JSON.
 */
export function isNavigation(request: HttpRequest): boolean {
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false)
}
