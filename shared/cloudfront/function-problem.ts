import { STATUS_CODES } from 'node:http'
import type { StageConfig } from '../config/stage-config.ts'
import { type ErrorCode, problems } from '../errors.ts'

/** One row of the table of problems, made ready at packaging so that a CloudFront Function carries only what it answers. */
export interface FunctionProblem {
  readonly statusCode: number
  readonly statusDescription: string
  /** The problem document of RFC 9457 as JSON. */
  readonly body: string
}

/** Who may read what a function generates. */
export interface FunctionReaders {
  readonly allowedOrigins: readonly string[]
  readonly corp: StageConfig['corp']
}

/** The table's row for `code`: same status, title and detail as every other part of the system answers. */
export function functionProblem(code: ErrorCode): FunctionProblem {
  const [status, title, detail] = problems[code]
  return {
    statusCode: status,
    statusDescription: STATUS_CODES[status] ?? title,
    body: JSON.stringify({ type: 'about:blank', title, status, detail, code }),
  }
}
