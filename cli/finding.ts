/** Results of the checks that `explain` and `doctor` make. A `detail` never contains a signature, a token or a whole cookie. */
export type Finding = Passed | Failed | Unknown

export interface Passed {
  readonly status: 'pass'
  readonly detail: string
}

export interface Failed {
  readonly status: 'fail'
  readonly detail: string
  /** Instruction to the operator. */
  readonly remedy: string
}

/** A failed check, with the stable name of its fault: `hash-marker-missing`. */
export interface Fault extends Failed {
  readonly fault: string
}

/** The check could not be made; `detail` says what is missing. */
export interface Unknown {
  readonly status: 'unknown'
  readonly detail: string
}

/** Status column of a printed report. */
export const marks = { pass: 'pass', fail: 'FAIL', unknown: '  ? ' } as const

export function pass(detail: string): Passed {
  return { status: 'pass', detail }
}

export function fail(detail: string, remedy: string): Failed {
  return { status: 'fail', detail, remedy }
}

export function unknown(detail: string): Unknown {
  return { status: 'unknown', detail }
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
