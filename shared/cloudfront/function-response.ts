import type { FunctionRequest, FunctionResponse, FunctionValues } from './function-event.ts'
import type { FunctionProblem, FunctionReaders } from './function-problem.ts'

/**
 * Answers with a problem. It carries every header itself: whether CloudFront adds the response headers policy to a
 * response that a function generated is not documented.
 */
export function generateProblem(
  problem: FunctionProblem,
  request: FunctionRequest,
  readers: FunctionReaders,
): FunctionResponse {
  const headers = readableHeaders(request, readers)
  headers['content-type'] = { value: 'application/problem+json' }
  return {
    statusCode: problem.statusCode,
    statusDescription: problem.statusDescription,
    headers,
    body: { encoding: 'text', data: problem.body },
  }
}

/**
 * The headers of every generated response: not stored, not sniffed, and readable by the allowed origins alone.
 * `Vary: Origin` stands there for a refused origin too (Fetch standard, "CORS protocol and HTTP caches").
 */
export function readableHeaders(request: FunctionRequest, readers: FunctionReaders): FunctionValues {
  const headers: FunctionValues = {
    'cache-control': { value: 'no-store' },
    'x-content-type-options': { value: 'nosniff' },
    'cross-origin-resource-policy': { value: readers.corp },
    vary: { value: 'Origin' },
  }
  const origin = request.headers.origin
  if (origin !== undefined && isAllowed(origin.value, readers.allowedOrigins)) {
    headers['access-control-allow-origin'] = { value: origin.value }
    headers['access-control-allow-credentials'] = { value: 'true' }
  }
  return headers
}

/** An origin is allowed as it stands, or by an entry with the port `*`, which stands for digits and nothing else. */
function isAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed.some(
    (entry) =>
      entry === origin ||
      (entry.endsWith(':*') && origin.startsWith(entry.slice(0, -1)) && /^\d+$/.test(origin.slice(entry.length - 1))),
  )
}
