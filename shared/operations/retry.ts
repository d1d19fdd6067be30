import { EdgeSignerError, type ErrorCode } from '../errors.ts'

/**
 * A conditional write was refused because another writer came first. Nothing was written, so the work can be repeated from its
 * first read.
 */
export class ConcurrentChangeError extends EdgeSignerError {
  override readonly name = 'ConcurrentChangeError'

  constructor(code: ErrorCode, message: string) {
    super(code, message)
  }
}

/** Returns true if an error says that another writer came first. */
export function isConcurrentChange(error: unknown): boolean {
  return error instanceof ConcurrentChangeError
}

/**
 * Runs idempotent work until it succeeds, fails with an error that no repetition cures, or its time is over.
 *
 * @param work receives the number of the try, from 1.
 * @param isWorthRepeating decides for each error whether the next try can succeed.
 * @throws the error of the last try.
 */
export async function retry<T>(
  work: (tried: number) => Promise<T>,
  isWorthRepeating: (error: unknown) => boolean,
  limits: BackOffLimits,
  clock: Clock,
): Promise<T> {
  const backOff = startBackOff(limits, clock)
  for (let tried = 1; ; tried++) {
    try {
      return await work(tried)
    } catch (error) {
      if (!isWorthRepeating(error) || !(await backOff.pause())) throw error
    }
  }
}

/** Limits of repeated tries, in milliseconds. */
export interface BackOffLimits {
  /** Upper bound of the first pause; each further one is twice as long. */
  readonly firstMs: number
  /** Upper bound of every pause. */
  readonly maxMs: number
  /** Time from the first try after which no further one begins. */
  readonly totalMs: number
}

/** Time and randomness, as dependencies, so that tests decide both. */
export interface Clock {
  readonly nowMs: () => number
  /** A number from 0 up to 1. */
  readonly random: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** The pauses between the tries of one piece of work. */
export interface BackOff {
  /** Waits before the next try. Returns `false` without waiting if that try would begin after the deadline. */
  pause(): Promise<boolean>
  /** Returns true if the deadline has passed: for work that goes on without pauses. */
  isOver(): boolean
}

/**
 * Starts exponential pauses with full jitter, so that writers who collided once do not collide again, and one deadline for all
 * pauses.
 *
 * @example
 * const backOff = startBackOff({ firstMs: 50, maxMs: 2000, totalMs: 10_000 }, clock)
 * while (!(await attempt())) if (!(await backOff.pause())) throw new ServiceError('ERR_STATE_UNAVAILABLE')
 */
export function startBackOff({ firstMs, maxMs, totalMs }: BackOffLimits, clock: Clock): BackOff {
  const deadline = clock.nowMs() + totalMs
  let bound = firstMs
  return {
    async pause() {
      const ms = Math.floor(clock.random() * Math.min(bound, maxMs))
      bound = Math.min(bound * 2, maxMs)
      if (clock.nowMs() + ms >= deadline) return false
      await clock.wait(ms)
      return true
    },
    isOver: () => clock.nowMs() >= deadline,
  }
}
