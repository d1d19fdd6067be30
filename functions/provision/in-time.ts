import { ServiceError } from '../../shared/errors.ts'

/**
 * Runs work that must end before a deadline. When time is up the signal is aborted, and the result does not wait for the work
 * to notice.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE` when time is up; else what the work throws.
 */
export async function runInTime<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const timeUp = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
  })
  const timer = setTimeout(() => {
    abort.abort(new ServiceError('ERR_KEYS_UNAVAILABLE', 'AWS did not answer in time: deploy again'))
  }, ms)
  try {
    return await Promise.race([work(abort.signal), timeUp])
  } finally {
    clearTimeout(timer)
  }
}
