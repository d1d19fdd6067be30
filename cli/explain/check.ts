import type { Failed, Passed, Unknown } from '../finding.ts'
import type { ParsedInput } from './input.ts'

/** Parties that make checks, in the order in which a request reaches them. */
export type CheckedBy = 'browser' | 'CloudFront' | 'guard' | 'answer'

/** A failed check, with the stable name of its fault: `hash-marker-missing`. */
export interface Fault extends Failed {
  readonly fault: string
}

export type CheckFinding = Passed | Fault | Unknown

/** One check. It depends on the input only, never on the result of another check. */
export interface Check {
  /** Stable; docs/explain.md lists all names. */
  readonly name: string
  readonly by: CheckedBy
  run(input: ParsedInput): CheckFinding
}

/**
 * Reports a fault that refuses the request.
 *
 * @param name stable name of the fault.
 * @param detail description of the fault, without any secret.
 * @param remedy instruction to the user, as a sentence.
 */
export function fault(name: string, detail: string, remedy: string): Fault {
  return { status: 'fail', fault: name, detail, remedy }
}
