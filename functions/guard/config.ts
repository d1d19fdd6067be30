import {
  type FunctionProblem,
  type FunctionReaders,
  functionProblem,
  functionReaders,
} from '../../shared/cloudfront/function-problem.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError, type ErrorCode } from '../../shared/errors.ts'
import { encodePathSegment } from '../../shared/grant/path-segment.ts'
import { parseGrantTemplate, templateDepth } from '../../shared/grant/template.ts'

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
export interface GuardFunctionConfig {
  readonly readers: FunctionReaders
  /** The name that policies and stamps are made for; `null` means the request's `Host`. */
  readonly host: string | null
  /**
   * The depths of the grant templates, ascending, by first segment: `{"/users": [2]}`. The slash keeps the names of
   * `Object.prototype` out of the look-up.
   */
  readonly depths: Readonly<Record<string, readonly number[] | undefined>>
  /** Prefixes where a GET must carry a range, in the form that `encodePathSegment` writes; `null` where there are none. */
  readonly rangeOnly: readonly string[] | null
  readonly problems: Readonly<Record<(typeof guardProblems)[number], FunctionProblem>>
}

/**
 * Derives the guard's configuration.
 *
 * @throws ConfigError where a prefix of `rangeOnly` can be the prefix of no canonical path.
 */
export function guardFunctionConfig({ config }: Deployment): GuardFunctionConfig {
  const depths: Record<string, number[]> = {}
  for (const source of config.grants) {
    const template = parseGrantTemplate(source)
    const first = source.slice(0, source.indexOf('/', 1))
    depths[first] = [...new Set([...(depths[first] ?? []), templateDepth(template)])].sort((a, b) => a - b)
  }
  return {
    host: config.cdnHost,
    depths,
    rangeOnly: config.rangeOnly.length > 0 ? config.rangeOnly.map(encodePrefix) : null,
    readers: functionReaders(config),
    problems: Object.fromEntries(
      guardProblems.map((code) => [code, functionProblem(code)]),
    ) as GuardFunctionConfig['problems'],
  }
}

/** Accepts a prefix written plainly or percent-encoded, and writes the one form that the guard compares with. */
function encodePrefix(prefix: string): string {
  try {
    const segments = prefix.slice(1, -1).split('/')
    return `/${segments.map((segment) => encodePathSegment(decodeURIComponent(segment))).join('/')}/`
  } catch {
    throw new ConfigError(`rangeOnly: "${prefix}" must be a prefix such as /users/alice/ that a path can start with`)
  }
}
