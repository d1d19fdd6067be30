import { ServiceError } from '../../errors.ts'

/** Options of the SDK's `send`. */
export interface SendOptions {
  /** Ends what is under way, and refuses what comes after. */
  readonly abortSignal?: AbortSignal
}

/** The answer, or `instead` where the service refused with one of these errors. */
export async function unlessRefused<T, U>(
  answer: Promise<T>,
  errorNames: readonly string[],
  instead: U,
): Promise<T | U> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && errorNames.includes(error.name)) return instead
    throw error
  }
}

/**
 * A field that the service's model calls optional and its documentation promises.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE`.
 */
export function promised<T>(value: T | undefined, operation: string): T {
  if (value === undefined) throw new ServiceError('ERR_KEYS_UNAVAILABLE', `${operation} answered without its result`)
  return value
}

/** A date of the SDK as epoch seconds. */
export function epochSeconds(date: Date | undefined, operation: string): number {
  return Math.floor(promised(date, operation).getTime() / 1000)
}
