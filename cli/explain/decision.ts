import type { ErrorCode } from '../../shared/errors.ts'
import type { AnswerSource } from './answer-source.ts'
import type { CheckedBy } from './check.ts'
import { openBecause } from './path-kind.ts'
import type { Subject } from './subject.ts'

/** That something else than the key group decides about a request. */
export interface Decision {
  /** Who makes the checks that count all the same. */
  readonly counts: readonly CheckedBy[]
  /** The others are not made there, or were made by somebody who knew more than was given here. */
  readonly others: 'not-made' | 'open'
  /** Where none of those that count fails. */
  readonly verdict: 'granted' | 'undecided'
  /** Why, as a sentence. */
  readonly because: string
}

/** Who answers only what the key group let through, or, in `gate` mode, what never met it. */
const pastKeyGroup: readonly (AnswerSource['by'] | undefined)[] = [
  'session-function',
  'guard',
  'function-failure',
  'api',
  's3',
]

/** Refusals of the gate and of the guard that checks explain. Any other says all there is to say. */
const explainedBy: Partial<Record<ErrorCode, readonly CheckedBy[]>> = {
  ERR_SIGNATURE: ['browser', 'CloudFront'],
  ERR_ACCESS_REVOKED: ['guard'],
  ERR_PATH_NOT_CANONICAL: ['guard'],
}

/**
 * Finds out whether the path or the answer takes the decision from the key group; `undefined` where it does not.
 *
 * @param isRefused whether the key group or a check would refuse what was given.
 */
export function decideElsewhere({ pathKind, answeredBy, answer }: Subject, isRefused: boolean): Decision | undefined {
  const by = answeredBy?.by
  // The key group answers on private paths only, whatever the configuration here says.
  if (pathKind !== 'private' && by !== 'key-group') {
    const answered = answeredBy !== undefined && answeredBy.outcome !== 'refused'
    const rest = answered
      ? `it was answered with status ${answer?.status}`
      : 'who refuses it shows in the answer: give it with --response-headers and --body'
    return {
      counts: pathKind === 'public' ? ['guard', 'answer'] : ['answer'],
      others: 'not-made',
      verdict: answered ? 'granted' : 'undecided',
      because: `${openBecause[pathKind]}, so no signature is asked for; ${rest}.`,
    }
  }
  if (answeredBy?.outcome === 'renewed') {
    const because = 'the session function sets fresh cookies: follow the redirect with them.'
    return { counts: [], others: 'open', verdict: 'granted', because }
  }
  if (answeredBy?.outcome === 'served') {
    const because = `it was answered with status ${answer?.status}, so something else reached the edge than was given here; in gate mode a session sent as Bearer is enough.`
    return isRefused ? { counts: ['answer'], others: 'open', verdict: 'undecided', because } : undefined
  }
  if (!pastKeyGroup.includes(by)) return undefined
  const explaining = answeredBy?.code === undefined ? undefined : explainedBy[answeredBy.code as ErrorCode]
  return {
    counts: ['answer', ...(explaining ?? [])],
    others: 'open',
    verdict: 'undecided',
    because: 'the answer says who refused it.',
  }
}
