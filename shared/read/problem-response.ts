import { type EdgeErrorCode, type ErrorCode, edgeProblems, type Problem } from '../errors.ts'
import type { HttpResponse } from '../http/message.ts'
import { problemDocument } from '../http/problem-document.ts'
import { generatedHeaders, statusHeaders } from './answer-headers.ts'

type Headers = HttpResponse['headers']

/** The answer of a function at the edge for a code. `headers` are added to the response's own. */
export function problemResponse(code: EdgeErrorCode, headers: Headers = []): HttpResponse {
  return writeProblem(code, edgeProblems[code], headers)
}

/** Returns the document as a response. `headers` are added to the response's own. */
export function writeProblem(code: ErrorCode, problem: Problem, headers: Headers = []): HttpResponse {
  const [status] = problem
  return {
    status,
    headers: [['content-type', 'application/problem+json'], ...refusalHeaders(status), ...headers],
    body: JSON.stringify(problemDocument(code, problem)),
  }
}

/** Headers of every refusal with this status, whatever its body is. */
export function refusalHeaders(status: number): Headers {
  return [...generatedHeaders, ...statusHeaders(status)]
}
