import { EdgeSignerError } from '../shared/errors.ts'

/**
 * Wrong arguments or an unreadable input: exit status 2. The message says what to do, and never repeats a value that could be a
 * cookie, a token or a key.
 */
export class UsageError extends EdgeSignerError {
  override readonly name = 'UsageError'
  constructor(message: string) {
    super('ERR_REQUEST_INVALID', message)
  }
}

/** No valid AWS credentials, in every command: exit status 4. */
export class CredentialsError extends EdgeSignerError {
  override readonly name = 'CredentialsError'
  constructor(why: string) {
    super('ERR_CONFIG', `AWS: no valid credentials (${why}): set AWS_PROFILE, or sign in again`)
  }
}

/**
 * Exit status of the command. `explain` exits with `granted` or `refused`. The other commands exit with `granted` if they
 * succeeded, and with `refused` if the keys, the configuration or a fault of the stage prevented it.
 */
export const exitCodes = {
  granted: 0,
  refused: 1,
  /** Wrong arguments, or an input that cannot be read. */
  usage: 2,
  /** An unexpected error. */
  internal: 3,
  /** AWS has no valid credentials. */
  credentials: 4,
} as const
