import {
  type FunctionProblem,
  type FunctionReaders,
  functionProblem,
  functionReaders,
} from '../../shared/cloudfront/function-problem.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { type ReadRules, readRules } from '../../shared/config/read-rules.ts'
import type { ErrorCode } from '../../shared/errors.ts'

/** Every problem that the guard answers with. */
const guardProblems = [
  'ERR_PATH_NOT_CANONICAL',
  'ERR_METHOD_NOT_ALLOWED',
  'ERR_NOT_FOUND',
  'ERR_RANGE_REQUIRED',
  'ERR_RANGE_MULTIPLE',
  'ERR_ACCESS_REVOKED',
  'ERR_STATE_UNAVAILABLE',
] as const satisfies readonly ErrorCode[]

/** What the guard knows of its stage. No key and no secret: those are in the KeyValueStore. */
export interface GuardFunctionConfig extends ReadRules {
  readonly readers: FunctionReaders
  /** The name that policies and stamps are made for; `null` means the request's `Host`. */
  readonly host: string | null
  readonly problems: Readonly<Record<(typeof guardProblems)[number], FunctionProblem>>
}

/**
 * Derives the guard's configuration.
 *
 * @throws ConfigError where a prefix of `rangeOnly` can be the prefix of no canonical path.
 */
export function guardFunctionConfig({ config }: Deployment): GuardFunctionConfig {
  return {
    host: config.cdnHost,
    ...readRules(config),
    readers: functionReaders(config),
    problems: Object.fromEntries(
      guardProblems.map((code) => [code, functionProblem(code)]),
    ) as GuardFunctionConfig['problems'],
  }
}
