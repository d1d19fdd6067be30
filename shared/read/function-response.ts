import type { FunctionRequest, FunctionResponse, FunctionValues } from '../cloudfront/function-event.ts'
import { type HttpResponse, isOpenToAll } from '../http/message.ts'
import { problemDocument } from '../http/problem-document.ts'
import { generatedHeaders, statusHeaders } from './answer-headers.ts'
import { readMethods } from './check-read.ts'
import { type CorsReaders, corsHeaders, isAllowedOrigin, preflightHeaders } from './cors.ts'
import type { FunctionProblem, FunctionReaders } from './function-problem.ts'

/**
 * Answers that CloudFront Functions generate. This file runs in them: no classes, spread, destructuring, default parameters.
 *
 * A generated response carries every header itself: whether CloudFront adds the response headers policy to it is not
 * documented.
 */

/** Answers with the problem document that every other part of the system has for the code. */
export function generateProblem(
  problem: FunctionProblem,
  request: FunctionRequest,
  readers: FunctionReaders,
  allow?: string,
): FunctionResponse {
  const status = problem[1][0]
  const headers = statusHeaders(status).concat(
    corsHeaders(originOf(request), corsReaders(readers)),
    [['content-type', 'application/problem+json']],
    allow === undefined ? [] : [['allow', allow]],
  )
  const response = generate(status, headers, readers)
  response.body = { encoding: 'text', data: JSON.stringify(problemDocument(problem[0], problem[1])) }
  return response
}

/** Sends a browser to another path of this host. */
export function generateRedirect(path: string, readers: FunctionReaders): FunctionResponse {
  return generate(302, [['location', path]], readers)
}

/** Answers `OPTIONS` on a file's path (Fetch standard, "CORS-preflight fetch"). */
export function generatePreflight(request: FunctionRequest, readers: FunctionReaders): FunctionResponse {
  const headers = preflightHeaders(originOf(request), corsReaders(readers), readMethods)
  return generate(204, headers, readers)
}

function generate(statusCode: number, headers: HttpResponse['headers'], readers: FunctionReaders): FunctionResponse {
  const values: FunctionValues = {}
  generatedHeaders.concat(readers.headers, headers).forEach((header) => {
    values[header[0]] = { value: header[1] }
  })
  return { statusCode: statusCode, headers: values }
}

function originOf(request: FunctionRequest): string | undefined {
  const origin = request.headers.origin
  return origin === undefined ? undefined : origin.value
}

function corsReaders(readers: FunctionReaders): CorsReaders {
  return {
    isAllowed: (origin) => isAllowedOrigin(readers.allowedOrigins, origin),
    isOpen: isOpenToAll(readers.allowedOrigins),
  }
}
