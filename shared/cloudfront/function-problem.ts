import type { StageConfig } from '../config/stage-config.ts'
import { type ErrorCode, problems } from '../errors.ts'

/** One row of the table of problems, picked at packaging so that a CloudFront Function carries only what it answers. */
export type FunctionProblem = readonly [code: ErrorCode, status: number, title: string, detail: string]

/** The row for `code`. */
export function functionProblem(code: ErrorCode): FunctionProblem {
  return [code, ...problems[code]]
}

/** Who may read what a function generates. */
export interface FunctionReaders {
  /** Origins without a default port; a port may be `*`. */
  readonly allowedOrigins: readonly string[]
  readonly corp: StageConfig['corp']
}

/** The readers of a stage. Browsers leave a default port out of `Origin` (RFC 6454 section 6.2), so it is left out here. */
export function functionReaders(config: StageConfig): FunctionReaders {
  return {
    allowedOrigins: config.allowedOrigins.map((origin) => origin.replace(/^(https:.*):443$|^(http:.*):80$/, '$1$2')),
    corp: config.corp,
  }
}
