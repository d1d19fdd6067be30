import { type Check, type CheckedBy, type Finding, unknown } from './check.ts'
import { checks } from './checks/index.ts'
import { type Decision, decideElsewhere } from './decision.ts'
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
  /** Why something else than the key group decides; `undefined` where it does not. */
  readonly because: string | undefined
}

/**
 * Runs every check. `granted` only where the key group's check was made and passed, and none failed; or where the path asks for
 * no signature, or the session function renewed the cookies, and the answer shows it.
 */
export function explain(subject: Subject): Report {
  const keyGroup = edgeVerdict(subject)
  const made = checks.map((check) => runCheck(check, subject))
  const isRefused = !isOpen(keyGroup) || made.some(({ status }) => status === 'fail')
  const decision = decideElsewhere(subject, isRefused)
  const results = decision === undefined ? withUnexplained(made, keyGroup) : weigh(made, decision)
  const firstFailure = results.find((result) => result.status === 'fail')
  const verdict = decision?.verdict ?? (keyGroup === 'valid' ? 'granted' : 'undecided')
  return {
    verdict: firstFailure === undefined ? verdict : 'refused',
    results,
    firstFailure,
    keyGroup,
    because: decision?.because,
  }
}

/** Nothing that was given speaks against the request. */
function isOpen(keyGroup: EdgeVerdict): boolean {
  return keyGroup === 'valid' || keyGroup === 'undecided'
}

/** What a check found that does not count is told, but is no reason. */
function weigh(results: readonly CheckResult[], { counts, others }: Decision): readonly CheckResult[] {
  if (others === 'not-made') return results.filter(({ by }) => counts.includes(by))
  return results.map((result) => {
    const { check, by, status, detail } = result
    return status !== 'fail' || counts.includes(by) ? result : { check, by, ...unknown(detail) }
  })
}

function runCheck(check: Check, subject: Subject): CheckResult {
  return { check: check.name, by: check.by, ...check.run(subject) }
}

/** A refusal that no check found must not read as access: it becomes a failed check of its own. */
function withUnexplained(results: readonly CheckResult[], keyGroup: EdgeVerdict): readonly CheckResult[] {
  if (
    isOpen(keyGroup) ||
    results.some(({ status, by }) => status === 'fail' && (by === 'CloudFront' || by === 'browser'))
  ) {
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
