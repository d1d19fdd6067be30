import { EdgeSignerError } from '../shared/errors.ts'

/**
 * A fault that the user can fix, such as a taken port or a missing tool. The message says what to do, and `server/main.ts` prints it
 * without a stack.
 */
export class LocalError extends EdgeSignerError {
  override readonly name = 'LocalError'
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_CONFIG', message, options)
  }
}

/** The template has a construct that the emulation does not support. It does not start, rather than behave differently. */
export class UnsupportedConstructError extends EdgeSignerError {
  override readonly name = 'UnsupportedConstructError'
  /** Its place in the template: `Distribution.CacheBehaviors[2].OriginShield`. */
  readonly construct: string
  constructor(construct: string, reason: string) {
    super('ERR_CONFIG', `${construct}: ${reason}`)
    this.construct = construct
  }
}
