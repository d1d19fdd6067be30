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
