import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import {
  EdgeSignerError,
  type ErrorCode,
  GrantError,
  InputError,
  type Problem,
  problems,
  reasonOf,
  SessionError,
} from '../../shared/errors.ts'
import { problemDocument } from '../../shared/http/problem-document.ts'
import { embeddedMetric, metricNames } from '../../shared/operations/embedded-metric.ts'
import { writeProblem } from '../../shared/read/problem-response.ts'
import type { ApiServices } from './services.ts'

/**
 * Returns the status of a code under `/api`: that of the table, but 401 in place of 403. CloudFront replaces every 403 of an
 * origin by the HTML of the sign-in page.
 */
export function apiStatus(code: ErrorCode): number {
  const [status] = problems[code]
  return status === 403 ? 401 : status
}

/** An RFC 9457 problem of fixed text. `fields` are the names of the wrong input fields, from the schema. */
export function apiProblem(code: ErrorCode, fields: readonly string[] = []): Response {
  const [, title, detail] = problems[code]
  const problem: Problem = [apiStatus(code), title, detail]
  const { status, headers } = writeProblem(code, problem)
  const document = { ...problemDocument(code, problem), ...(fields.length === 0 ? {} : { fields }) }
  return new Response(JSON.stringify(document), { status, headers: headers.map(([name, value]) => [name, value]) })
}

/** Turns an error of a handler into a problem. An unexpected error is a 500 without details. */
export function problemOf(error: unknown, context: Context, { log, config, now }: ApiServices): Response {
  const metric = () => embeddedMetric(metricNames.serviceFaults, 1, config.stageName, now())
  if (error instanceof InputError) return apiProblem(error.code, error.fields)
  if (error instanceof EdgeSignerError) {
    const status = apiStatus(error.code)
    const cause = error.cause instanceof Error ? error.cause.name : undefined
    if (status >= 500)
      log({ level: 'error', code: error.code, reason: error.message, cause, route: context.req.routePath, ...metric() })
    else if (error instanceof SessionError || error instanceof GrantError)
      return refusedSession(error, context, log, config)
    return apiProblem(error.code)
  }
  // Hono's own: a body that is not JSON.
  if (error instanceof HTTPException && error.status < 500) return apiProblem('ERR_REQUEST_INVALID')
  log({
    level: 'error',
    code: 'ERR_INTERNAL',
    name: error instanceof Error ? error.name : typeof error,
    stack: stackOf(error),
    ...metric(),
  })
  return apiProblem('ERR_INTERNAL')
}

/** A refused session, with its reason in the log, and locally in `X-Edge-Signer-Reason` as at the edge. */
function refusedSession(
  error: SessionError | GrantError,
  context: Context,
  log: ApiServices['log'],
  { showReasons }: ApiServices['config'],
): Response {
  const reason = reasonOf(error)
  log({ level: 'warn', code: error.code, reason, route: context.req.routePath })
  const problem = apiProblem(error.code)
  if (showReasons && reason !== undefined) problem.headers.set('x-edge-signer-reason', reason)
  return problem
}

/** Stack of an error, without the message, which may quote the request. */
function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack?.split('\n').slice(1, 6).join('\n') : undefined
}
