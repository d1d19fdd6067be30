import { type ErrorCode, problems } from '../../shared/errors.ts'
import { writeProblem } from '../../shared/http/problem.ts'
import type { NginxPlan } from './plan.ts'

/** Headers of every answer to the public. A place that adds headers of its own has to repeat them: nginx passes none on to it. */
export function publicHeaders({ production }: Pick<NginxPlan, 'production'>): string[] {
  return production === undefined ? [] : ['add_header Strict-Transport-Security "max-age=31536000" always;']
}

/** Directives that answer with the problem of a code, for a location of its own. */
export function problemAnswer(
  plan: Pick<NginxPlan, 'production'>,
  code: ErrorCode,
  headers: readonly string[] = [],
): string[] {
  return [
    'internal;',
    'types { }',
    'default_type application/problem+json;',
    'add_header Cache-Control no-store always;',
    'add_header X-Content-Type-Options nosniff always;',
    ...publicHeaders(plan),
    ...headers,
    `return ${problems[code][0]} ${problemText(code)};`,
  ]
}

/** The problem of a code as one nginx argument. */
export function problemText(code: ErrorCode): string {
  return `'${writeProblem(code, problems[code]).body.replace(/['\\]/g, '\\$&')}'`
}
