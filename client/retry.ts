import { ClientError } from './errors.ts'

/** Time and chance, handed in so that tests decide about them. */
export interface Timing {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** From 0 to 1, for the jitter of a retry. */
  readonly random: () => number
  /** Resolves after so many milliseconds; rejects with the signal's reason. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** The time and chance of this page or worker. */
export const systemTiming: Timing = { now: () => Date.now(), random: () => Math.random(), wait }

const maxAttempts = 5
const firstDelayMs = 250
const maxDelayMs = 8000

/**
 * Runs `task` until it succeeds, at most five times. `ERR_NETWORK` and `ERR_UNAVAILABLE` are retried: after `Retry-After`, else
 * after a delay that doubles, half of it by chance, so that clients that failed together do not return together. While the
 * browser is offline no attempt is used up.
 */
export async function withRetries<T>(
  task: () => Promise<T>,
  { random, wait }: Timing,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await task()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ClientError) || !/NETWORK|UNAVAILABLE/.test(error.code)) throw error
      if (isOffline()) {
        attempt = 0
        await untilOnline(signal)
        continue
      }
      if (attempt >= maxAttempts) throw error
      const delay = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs)
      await wait(error.retryAfterMs ?? delay * (0.5 + random() / 2), signal)
    }
  }
}

function isOffline(): boolean {
  return typeof navigator === 'object' && navigator.onLine === false
}

function untilOnline(signal: AbortSignal | undefined): Promise<void> {
  return settle(signal, (resolve) => {
    globalThis.addEventListener('online', resolve)
    return () => globalThis.removeEventListener('online', resolve)
  })
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return settle(signal, (resolve) => {
    const timer = setTimeout(resolve, ms)
    return () => clearTimeout(timer)
  })
}

/** A promise that `start` resolves and the signal rejects; what `start` returns undoes it. */
export function settle(signal: AbortSignal | undefined, start: (resolve: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => end(() => reject(signal?.reason))
    const stop = start(() => end(resolve))
    function end(then: () => void) {
      stop()
      signal?.removeEventListener('abort', abort)
      then()
    }
    signal?.addEventListener('abort', abort)
  })
}
