import type { StageConfig } from '../config/stage-config.ts'
import { type ErrorCode, type Problem, problems } from '../errors.ts'
import type { HttpResponse } from '../http/message.ts'
import { stageHeaders } from './answer-headers.ts'
import { normaliseAllowedOrigins } from './cors.ts'

/** A row of the table of problems, picked at packaging: a CloudFront Function carries no problem that it does not return. */
export type FunctionProblem = readonly [code: ErrorCode, problem: Problem]

/** Picks the row of `code`. */
export function functionProblem(code: ErrorCode): FunctionProblem {
  return [code, problems[code]]
}

/** The stage's part of generated responses: their readers and headers. */
export interface FunctionReaders {
  /** From `normaliseAllowedOrigins`. */
  readonly allowedOrigins: readonly string[]
  /** From `stageHeaders`. */
  readonly headers: HttpResponse['headers']
}

/** The readers of a stage. */
export function functionReaders(config: StageConfig): FunctionReaders {
  return { allowedOrigins: normaliseAllowedOrigins(config.allowedOrigins), headers: stageHeaders(config) }
}
