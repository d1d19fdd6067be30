import type { Fault, Passed, Unknown } from '../finding.ts'
import type { ParsedInput } from './input.ts'

/** Parties that make checks, in the order in which a request reaches them. */
export type CheckedBy = 'behaviour' | 'browser' | 'CloudFront' | 'guard' | 'answer'

export type CheckFinding = Passed | Fault | Unknown

/** One check. It depends on the input only, never on the result of another check. */
export interface Check {
  /** Stable; docs/explain.md lists all names. */
  readonly name: string
  readonly by: CheckedBy
  run(input: ParsedInput): CheckFinding
}
