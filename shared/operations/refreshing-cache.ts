/** How a `RefreshingCache` loads and how long it trusts a value. Times in seconds. */
export interface RefreshingCacheOptions<T> {
  /**
   * Fetches the value. It must settle in bounded time: its time-outs are its own.
   *
   * @param now epoch seconds at which it begins.
   */
  readonly load: (now: number) => Promise<T>
  /** Age from which on a value is refreshed. */
  readonly softTtl: number
  /** Age from which on a value is not used any more. */
  readonly hardTtl: number
  /** A number from 0 up to 1, such as `Math.random`. */
  readonly random: () => number
  /** Wait after a first failure; doubled after each further one. Default 1. */
  readonly retryAfter?: number
  /** Max wait between two tries. Default 30. */
  readonly maxRetryAfter?: number
}

/**
 * A load that is older than any time-out was begun in a process that was frozen meanwhile, as Lambda does between loading a
 * function and its first request. It fails over a dead connection, which says nothing about the service.
 */
export const staleLoadSeconds = 30

/**
 * One value from a service that may be slow or away.
 *
 * Fresh: the value. Past the soft TTL: one caller loads and waits for it, the others get the value at hand; where loading
 * fails that caller gets it too, so an outage is not noticed. Past the hard TTL, or at a cold start: all callers wait for
 * one load and see its error. After a failure nobody loads for a while: 50 to 100 % of a doubling wait, so that many
 * instances do not come back in step.
 *
 * The refreshing caller waits because a Lambda function is frozen as soon as it has answered: work left behind would stop.
 */
export class RefreshingCache<T> {
  readonly #options: RefreshingCacheOptions<T>
  #held: { readonly value: T; readonly loadedAt: number } | undefined
  #loading: Promise<T> | undefined
  #loadingSince = Number.NEGATIVE_INFINITY
  #failures = 0
  #failure: unknown
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(options: RefreshingCacheOptions<T>) {
    this.#options = options
  }

  /**
   * The value, never older than the hard TTL.
   *
   * @param now epoch seconds.
   * @throws what `load` threw, where there is no value to use.
   */
  async get(now: number): Promise<T> {
    const held = this.#held
    const age = held === undefined ? Number.POSITIVE_INFINITY : now - held.loadedAt
    if (held !== undefined && age < this.#options.softTtl) return held.value
    const waiting = now < this.#notBefore
    if (held !== undefined && age < this.#options.hardTtl) {
      if (this.#loading !== undefined || waiting) return held.value
      return this.#load(now).catch(() => held.value)
    }
    if (this.#loading !== undefined) {
      const isStale = now - this.#loadingSince > staleLoadSeconds
      return isStale ? this.#loading.catch(() => this.get(now)) : this.#loading
    }
    if (waiting) throw this.#failure
    return this.#load(now)
  }

  #load(now: number): Promise<T> {
    this.#loadingSince = now
    const { load, random, retryAfter = 1, maxRetryAfter = 30 } = this.#options
    const loading = (async () => {
      try {
        const value = await load(now)
        // Aged from the start of the load: the value may be as old as that.
        this.#held = { value, loadedAt: now }
        this.#failures = 0
        this.#notBefore = Number.NEGATIVE_INFINITY
        return value
      } catch (failure) {
        const wait = Math.min(maxRetryAfter, retryAfter * 2 ** this.#failures)
        this.#failures += 1
        this.#failure = failure
        this.#notBefore = now + wait * (0.5 + random() / 2)
        throw failure
      } finally {
        this.#loading = undefined
      }
    })()
    this.#loading = loading
    return loading
  }
}
