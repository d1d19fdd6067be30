import { type AnswerSource, answeredBy } from './answered-by.ts'
import type { Check, CheckedBy, Finding } from './check.ts'
import { checks } from './checks/index.ts'
import { type EdgeVerdict, edgeVerdict } from './edge-verdict.ts'
import type { Subject } from './subject.ts'

/** What one check found. */
export type CheckResult = { readonly check: string; readonly by: CheckedBy } & Finding

/** The whole explanation. */
export interface Report {
  /** `undecided`: nothing speaks against it, but the signature, the URL or the address could not be checked. */
  readonly verdict: 'granted' | 'refused' | 'undecided'
  readonly results: readonly CheckResult[]
  /** The first check that failed: the reason for the refusal. */
  readonly firstFailure: Extract<CheckResult, { status: 'fail' }> | undefined
  /** What the key group by itself would answer. */
  readonly keyGroup: EdgeVerdict
  readonly answeredBy: AnswerSource | undefined
}

/** Runs every check. `granted` only where the key group's check was made and passed, and none failed. */
export function explain(subject: Subject): Report {
  const keyGroup = edgeVerdict(subject)
  const results = withUnexplained(
    checks.map((check) => runCheck(check, subject)),
    keyGroup,
  )
  const firstFailure = results.find((result) => result.status === 'fail')
  const verdict = firstFailure !== undefined ? 'refused' : keyGroup === 'valid' ? 'granted' : 'undecided'
  return { verdict, results, firstFailure, keyGroup, answeredBy: answeredBy(subject.answer) }
}

function runCheck(check: Check, subject: Subject): CheckResult {
  return { check: check.name, by: check.by, ...check.run(subject) }
}

/** A refusal that no check found must not read as access: it becomes a failed check of its own. */
function withUnexplained(results: readonly CheckResult[], keyGroup: EdgeVerdict): readonly CheckResult[] {
  const isRefused = keyGroup !== 'valid' && keyGroup !== 'undecided'
  if (!isRefused || results.some(({ status, by }) => status === 'fail' && (by === 'CloudFront' || by === 'browser'))) {
    return results
  }
  return [
    ...results,
    {
      check: 'key-group',
      by: 'CloudFront',
      status: 'fail',
      fault: 'unexplained',
      detail: `the key group would answer ${keyGroup}, and none of the checks above says why`,
      remedy: 'Sign anew with edge-signer sign-url or sign-cookies, and compare.',
    },
  ]
}
