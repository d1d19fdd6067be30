import type { Subject } from './subject.ts'

/** Who makes a check, in the order in which a request meets them. */
export type CheckedBy = 'browser' | 'CloudFront' | 'guard' | 'answer'

/** What a check found. `fault` and `detail` hold no signature, no token and no whole cookie. */
export type Finding =
  | { readonly status: 'pass'; readonly detail: string }
  | {
      readonly status: 'fail'
      /** Stable name of what is wrong: `hash-marker-missing`. */
      readonly fault: string
      readonly detail: string
      /** What to do about it, as a sentence. */
      readonly remedy: string
    }
  | { readonly status: 'unknown'; readonly detail: string }

/** One check. It reads the subject only, so it says the same whichever others failed. */
export interface Check {
  /** Stable, in the order of the table in docs/explain.md. */
  readonly name: string
  readonly by: CheckedBy
  run(subject: Subject): Finding
}

/** The check found nothing wrong. */
export function pass(detail: string): Finding {
  return { status: 'pass', detail }
}

/** The check found why the request is refused. */
export function fail(fault: string, detail: string, remedy: string): Finding {
  return { status: 'fail', fault, detail, remedy }
}

/** The check cannot say, and this is what it lacks. */
export function unknown(detail: string): Finding {
  return { status: 'unknown', detail }
}
