import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { type Failed, fail, type Passed, type Unknown } from '../finding.ts'
import { networkCause } from '../input/key-set.ts'
import { redactText } from '../redact.ts'
import { CredentialsError } from '../usage-error.ts'

/** Result of a check. A failure may have a repair, which `edge-signer repair` offers. */
export type DoctorFinding = Passed | Unknown | (Failed & { readonly repair?: Repair })

/** A change that fixes a fault. Idempotent: the functions of the stage make the same change by themselves. */
export interface Repair {
  /** Description of the change, shown before it is made. */
  readonly does: string
  /** @returns the changes made, one line each. */
  run(): Promise<readonly string[]>
}

/** A check of `doctor`. It changes nothing. */
export interface Check {
  readonly name: string
  run(): Promise<DoctorFinding>
}

/** A finding with the name of its check. */
export type CheckResult = DoctorFinding & { readonly check: string }

/** Reports a fault that `edge-signer repair` can fix. */
export function repairable(detail: string, remedy: string, repair: Repair): DoctorFinding {
  return { ...fail(detail, remedy), repair }
}

/** Returns the repair of a failed check, if there is one. */
export function repairOf(finding: DoctorFinding): Repair | undefined {
  return finding.status === 'fail' ? finding.repair : undefined
}

/** `fetch` says "fetch failed" and no more; what failed is in its causes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const isFetch = error.name === 'TimeoutError' || (error instanceof TypeError && error.message === 'fetch failed')
  return isFetch ? `the stage does not respond (${networkCause(error)})` : `${error.name}: ${error.message}`
}

/**
 * Runs a check. If the check throws, the result is a failure with the message of the error.
 *
 * @throws CredentialsError: all checks of a stage would repeat it.
 */
export async function runCheck({ name, run }: Check): Promise<CheckResult> {
  try {
    return { check: name, ...(await run()) }
  } catch (error) {
    if (error instanceof CredentialsError) throw error
    const detail =
      error instanceof EdgeSignerError ? `${messageOf(error)} (${error.code})` : redactText(describe(error))
    return { check: name, ...fail(detail, 'see the message') }
  }
}
