import { EdgeSignerError } from '../shared/errors.ts'

/**
 * The emulation cannot start or go on, for a reason that its user can mend: a port that is taken, a tool that is missing, a
 * construct of the template that it cannot honour. The message says what to do; `local/main.ts` prints it without a stack.
 */
export class LocalError extends EdgeSignerError {
  override readonly name = 'LocalError'
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_CONFIG', message, options)
  }
}

/** The template holds something whose behaviour the emulation does not know: it refuses to start rather than differ in silence. */
export class UnsupportedConstructError extends EdgeSignerError {
  override readonly name = 'UnsupportedConstructError'
  /** Where it stands: `Distribution.CacheBehaviors[2].OriginShield`. */
  readonly construct: string
  constructor(construct: string, reason: string) {
    super('ERR_CONFIG', `${construct}: ${reason}`)
    this.construct = construct
  }
}
