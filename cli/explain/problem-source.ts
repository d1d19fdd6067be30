import { type ErrorCode, problems } from '../../shared/errors.ts'
import type { HttpAnswer } from '../input/http-answer.ts'
import { type Recognised, source } from './answer-source.ts'
import type { PathKind } from './path-kind.ts'

/** Codes that no other part answers with; in gate mode the session function does the guard's work. */
const guardCodes: readonly ErrorCode[] = [
  'ERR_PATH_NOT_CANONICAL',
  'ERR_RANGE_REQUIRED',
  'ERR_RANGE_MULTIPLE',
  'ERR_ACCESS_REVOKED',
]

/** All problems look alike, so `X-Cache` says which kind of function made one; where it is gone, path and code do. */
export function problemSource(code: ErrorCode, headers: HttpAnswer['headers'], path: PathKind): Recognised {
  const [status, title, detail] = problems[code]
  const what = `${status} ${code} (${title})`
  const cache = headers.get('x-cache') ?? ''
  const isFunction = /^FunctionGenerated/i.test(cache)
  const isLambda = /^Lambda/i.test(cache)
  const isByCode = path === 'elsewhere' ? code === 'ERR_NOT_FOUND' : guardCodes.includes(code)
  // The API's own header is that of API Gateway; what runs on one machine has none.
  const isApi = headers.has('apigw-requestid') || (path === 'api' && !isFunction && !isLambda)
  if (isApi) return source('api', code, `the API, with ${what}`, detail)
  if (isFunction || (!isLambda && isByCode)) return functionSource(code, `with ${what}`, detail, path)
  return source('session-function', code, `the session function, with ${what}`, detail)
}

/** Which CloudFront Function answers follows from the path. */
export function functionSource(code: ErrorCode | undefined, what: string, remedy: string, path: PathKind): Recognised {
  if (path === 'elsewhere') {
    return source(
      'not-found-function',
      code,
      `the not-found function, ${what}: no behaviour serves this path`,
      'Request a path below a prefix that /_edge/session answers.',
    )
  }
  const accepted = path === 'private' ? ': the signature was accepted' : ''
  return source('guard', code, `the guard, ${what}${accepted}`, remedy)
}

/** The code of a problem, or of the page that a person sees in its place. */
export function readProblem(body: string): ErrorCode | undefined {
  const code = /<small>(ERR_[A-Z_]+)<\/small>/.exec(body)?.[1] ?? codeField(body)
  return typeof code === 'string' && Object.hasOwn(problems, code) ? (code as ErrorCode) : undefined
}

function codeField(body: string): unknown {
  try {
    return (JSON.parse(body) as { code?: unknown }).code
  } catch {
    return undefined
  }
}
