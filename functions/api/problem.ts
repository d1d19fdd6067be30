import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { EdgeSignerError, type ErrorCode, problems } from '../../shared/errors.ts'
import { writeProblem } from '../../shared/http/problem.ts'
import { embeddedMetric, metricNames } from '../../shared/operations/embedded-metric.ts'
import type { ApiServices } from './services.ts'

/**
 * The status that `/api` answers a code with: the table's, but never 403. CloudFront replaces every 403 of an origin by the
 * sign-in page with its HTML, so what a session may not do is 401 here.
 */
export function apiStatus(code: ErrorCode): number {
  const [status] = problems[code]
  return status === 403 ? 401 : status
}

/** An RFC 9457 problem of fixed text. `fields` name what was wrong of the input, by names of our own schema. */
export function apiProblem(code: ErrorCode, fields: readonly string[] = []): Response {
  const { headers, body } = writeProblem(code, problems[code])
  const problem = { ...JSON.parse(body), status: apiStatus(code), ...(fields.length === 0 ? {} : { fields }) }
  const all = new Headers(headers.map(([name, value]): [string, string] => [name, value]))
  if (problem.status === 401) all.set('www-authenticate', 'Bearer')
  return new Response(JSON.stringify(problem), { status: problem.status, headers: all })
}

/** Input that a schema refused. */
export class InputError extends EdgeSignerError {
  override readonly name = 'InputError'
  readonly fields: readonly string[]
  constructor(fields: readonly string[]) {
    super('ERR_REQUEST_INVALID')
    this.fields = fields
  }
}

/** Turns what a handler threw into a problem; what nobody threw on purpose is a 500 that says nothing. */
export function problemOf(error: unknown, context: Context, { log, config, now }: ApiServices): Response {
  const metric = () => embeddedMetric(metricNames.serviceFaults, 1, config.stageName, now())
  if (error instanceof InputError) return apiProblem(error.code, error.fields)
  if (error instanceof EdgeSignerError) {
    const status = apiStatus(error.code)
    const cause = error.cause instanceof Error ? error.cause.name : undefined
    if (status >= 500)
      log({ level: 'error', code: error.code, reason: error.message, cause, route: context.req.routePath, ...metric() })
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

/** Where it happened, without the message, which may quote the request. */
function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack?.split('\n').slice(1, 6).join('\n') : undefined
}
