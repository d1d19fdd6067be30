import { EdgeSignerError } from '../shared/errors.ts'

/**
 * The command was called wrongly, or an input is not what it should be: exit status 2. The message says what to do, and
 * repeats no value that could be a cookie, a token or a key.
 */
export class UsageError extends EdgeSignerError {
  override readonly name = 'UsageError'
  constructor(message: string) {
    super('ERR_REQUEST_INVALID', message)
  }
}
