import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { redactText } from '../redact.ts'

/** What a check found out. */
export interface Finding {
  readonly status: 'pass' | 'fail' | 'unknown'
  /** What was seen. */
  readonly detail: string
  /** What to do; with `fail` only. */
  readonly remedy?: string
}

/** One thing that `doctor` looks at. It changes nothing. */
export interface Check {
  readonly name: string
  look(): Promise<Finding>
}

/** A finding with its check's name, as it is printed. */
export interface Result extends Finding {
  readonly check: string
}

/** All is well. */
export function pass(detail: string): Finding {
  return { status: 'pass', detail }
}

/** Something is wrong, and this mends it. */
export function fail(detail: string, remedy: string): Finding {
  return { status: 'fail', detail, remedy }
}

/** Could not be told, and why. */
export function unknown(detail: string): Finding {
  return { status: 'unknown', detail }
}

/** Runs a check; one that throws has failed with what its error says. */
export async function runCheck({ name, look }: Check): Promise<Result> {
  try {
    return { check: name, ...(await look()) }
  } catch (error) {
    const detail =
      error instanceof EdgeSignerError
        ? `${messageOf(error)} (${error.code})`
        : redactText(error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error')
    return { check: name, ...fail(detail, 'see the message') }
  }
}
