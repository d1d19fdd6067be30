import type { ErrorCode } from '../../shared/errors.ts'
import type { AnswerSource } from './answered-by.ts'
import type { CheckedBy } from './check.ts'
import type { ParsedInput } from './input.ts'
import { openBecause } from './path-kind.ts'

/** Outcome of a request that something other than the key group decides. */
export interface Decision {
  /** Parties whose checks still count. */
  readonly counts: readonly CheckedBy[]
  /** Treatment of the other checks: not made on this path, or of open result, because the edge knew more than the input. */
  readonly others: 'not-made' | 'open'
  /** Verdict if none of the checks that count fails. */
  readonly verdict: 'granted' | 'undecided'
  /** Reason, as a sentence. */
  readonly because: string
}

/** Authors that only see requests which the key group accepted, or in `gate` mode requests that bypass it. */
const pastKeyGroup: readonly (AnswerSource['by'] | undefined)[] = [
  'session-function',
  'guard',
  'function-failure',
  'api',
  's3',
]

/** Refusals of the gate and of the guard that checks explain. Any other code explains itself. */
const explainedBy: Partial<Record<ErrorCode, readonly CheckedBy[]>> = {
  ERR_SIGNATURE: ['browser', 'CloudFront'],
  ERR_ACCESS_REVOKED: ['guard'],
  ERR_PATH_NOT_CANONICAL: ['guard'],
}

/**
 * Returns the decision of the path or of the response, if one of them overrides the key group.
 *
 * @param isRefused true if the key group or a check would refuse the input.
 */
export function decideElsewhere(
  { pathKind, answeredBy, answer }: ParsedInput,
  isRefused: boolean,
): Decision | undefined {
  const by = answeredBy?.by
  // A response of the key group proves that the path is private, even if the configuration here says otherwise.
  if (pathKind !== 'private' && by !== 'key-group') {
    const answered = answeredBy !== undefined && answeredBy.outcome !== 'refused'
    const rest = answered
      ? `it was answered with status ${answer?.status}`
      : 'the response shows who refuses it: give it with --response-headers and --body'
    return {
      counts: pathKind === 'public' ? ['guard', 'answer'] : ['answer'],
      others: 'not-made',
      verdict: answered ? 'granted' : 'undecided',
      because: `${openBecause[pathKind]}, so no signature is needed; ${rest}.`,
    }
  }
  if (answeredBy?.outcome === 'renewed') {
    const because = 'the session function sets fresh cookies: follow the redirect with them.'
    return { counts: [], others: 'open', verdict: 'granted', because }
  }
  if (answeredBy?.outcome === 'served') {
    const because = `it was answered with status ${answer?.status}, so the edge received something other than what you gave here; in gate mode a session sent as Bearer is enough.`
    return isRefused ? { counts: ['answer'], others: 'open', verdict: 'undecided', because } : undefined
  }
  if (!pastKeyGroup.includes(by)) return undefined
  const explaining = answeredBy?.code === undefined ? undefined : explainedBy[answeredBy.code as ErrorCode]
  return {
    counts: ['answer', ...(explaining ?? [])],
    others: 'open',
    verdict: 'undecided',
    because: 'the response says who refused it.',
  }
}
