import { ServiceError } from '../../shared/errors.ts'

/** Calls `fire` after `ms`, unless the timer is cancelled by the function that it returns. */
export type StartTimer = (ms: number, fire: () => void) => () => void

/**
 * Runs work that must end before a deadline. When time is up the signal is aborted, and the result does not wait for the work
 * to notice.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE` when time is up; else what the work throws.
 */
export async function runInTime<T>(
  ms: number,
  startTimer: StartTimer,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  const timeUp = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
  })
  const cancel = startTimer(ms, () => {
    abort.abort(new ServiceError('ERR_KEYS_UNAVAILABLE', 'AWS did not answer in time: deploy again'))
  })
  try {
    return await Promise.race([work(abort.signal), timeUp])
  } finally {
    cancel()
  }
}
