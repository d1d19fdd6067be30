import type { Deployment } from '../../shared/config/parse.ts'
import { type ErrorCode, type Problem, problems } from '../../shared/errors.ts'
import type { ReadRefusal } from '../../shared/read/check-read.ts'
import { type FunctionReaders, functionReaders } from '../../shared/read/function-problem.ts'
import { type ReadRules, readRules } from '../../shared/read/read-rules.ts'

/** Every problem that the guard answers with. */
const guardProblems = [
  'ERR_PATH_NOT_CANONICAL',
  'ERR_PATH_RESERVED',
  'ERR_METHOD_NOT_ALLOWED',
  'ERR_NOT_FOUND',
  'ERR_FETCH_DESTINATION',
  'ERR_RANGE_REQUIRED',
  'ERR_RANGE_MULTIPLE',
  'ERR_ACCESS_REVOKED',
  'ERR_STATE_UNAVAILABLE',
] as const satisfies readonly (ReadRefusal | ErrorCode)[]

/** The row of each problem. */
export type GuardProblems = Readonly<Record<(typeof guardProblems)[number], Problem>>

/** The stage's values in the guard's bundle. Keys and secrets are in the KeyValueStore instead. */
export interface GuardFunctionConfig {
  readonly rules: ReadRules
  readonly readers: FunctionReaders
  /** Host that policies and stamps are made for; `null` means the request's `Host`. */
  readonly host: string | null
  /** JSON of `GuardProblems`: only refusals need the table, and a table would be created for each request. */
  readonly problems: string
}

/**
 * Derives the guard's configuration.
 *
 * @throws ConfigError where a prefix of `rangeOnly` can be the prefix of no canonical path.
 */
export function guardFunctionConfig({ config }: Deployment): GuardFunctionConfig {
  return {
    host: config.hosts.primary,
    rules: readRules(config),
    readers: functionReaders(config),
    problems: JSON.stringify(Object.fromEntries(guardProblems.map((code) => [code, problems[code]]))),
  }
}
