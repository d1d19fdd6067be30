import { ClientError, errorOf } from './errors.ts'
import { settle, type Timing, withRetries } from './retry.ts'

/**
 * The session of this browser at the CDN, renewed once for everybody.
 *
 * `GET /_edge/session` turns the app's session into CloudFront cookies. All tabs of an origin share these cookies, so one tab
 * renews for all: it holds the Web Lock of the CDN while it asks, and posts the answer to a BroadcastChannel. A tab that had to
 * wait for the lock takes that answer in place of an own request. The answer holds times and prefixes, and no secret.
 *
 * The device's clock may be wrong by hours. `refreshAt` lies at 80 % of the life of the cookies, so both times of the answer give
 * the life, and the life counts from the moment of the answer.
 */

/** Times and prefixes of the cookies, as `/_edge/session` tells them. */
export interface Session {
  /** RFC 3339, by the server's clock. */
  readonly expiresAt: string
  readonly refreshAt: string
  /** Granted prefixes, percent-encoded: `/users/alice/`. */
  readonly prefixes: readonly string[]
}

/** A session, and when it is due by the clock of this device, in milliseconds since the epoch. */
export interface HeldSession extends Session {
  readonly refreshMs: number
  readonly expiresMs: number
}

/** How the session is asked for. */
export interface SessionDependencies {
  readonly fetch: typeof fetch
  readonly timing: Timing
  /** Origin of the CDN. */
  readonly cdn: string
}

/** The one session of a page or worker, in step with those of other tabs. */
export class SessionHolder {
  #held: HeldSession | undefined
  #flight: Promise<HeldSession> | undefined
  readonly #dependencies: SessionDependencies
  readonly #listeners = new Set<() => void>()
  readonly #channel: BroadcastChannel | undefined
  readonly #name: string

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies
    this.#name = `edge-signer ${dependencies.cdn}`
    if (typeof BroadcastChannel === 'undefined') return
    this.#channel = new BroadcastChannel(this.#name)
    // Node keeps running for an open channel; browsers have no such method.
    ;(this.#channel as { unref?: () => void }).unref?.()
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const held = parseHeld(data)
      if (data === null || held !== undefined) this.#hold(held)
    }
  }

  get held(): HeldSession | undefined {
    return this.#held
  }

  /** Calls `listener` after every change; returns a function that ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Returns a session that is not due for renewal, and is not `refused`: the one with which a request got a 403.
   *
   * @throws ClientError `ERR_SIGNED_OUT`, `ERR_FORBIDDEN`, `ERR_NETWORK`, `ERR_UNAVAILABLE`, `ERR_RESPONSE_INVALID`.
   */
  async ensure(refused?: HeldSession, signal?: AbortSignal): Promise<HeldSession> {
    signal?.throwIfAborted()
    const held = this.#held
    if (held !== undefined && held !== refused && held.refreshMs > this.#dependencies.timing.now()) return held
    this.#flight ??= this.#renew(refused ?? held).finally(() => {
      this.#flight = undefined
    })
    const flight = this.#flight
    // A caller that gives up leaves the flight to the others.
    if (signal !== undefined) {
      const done = flight.then(
        () => {},
        () => {},
      )
      await settle(signal, (resolve) => {
        void done.then(resolve)
        return () => {}
      })
    }
    return flight
  }

  /** `DELETE /_edge/session`: clears the cookies here and the session in every tab. */
  async end(): Promise<void> {
    await withRetries(() => this.#request('DELETE'), this.#dependencies.timing, undefined)
    this.#hold(undefined)
    this.#channel?.postMessage(null)
  }

  close(): void {
    this.#channel?.close()
    this.#listeners.clear()
  }

  async #renew(stale: HeldSession | undefined): Promise<HeldSession> {
    if (typeof navigator !== 'object' || navigator.locks === undefined) return this.#mint()
    const free = await navigator.locks.request(this.#name, { ifAvailable: true }, (lock) =>
      lock === null ? undefined : this.#mint(),
    )
    if (free !== undefined) return free
    return navigator.locks.request(this.#name, async () => {
      // The answer of the tab that had the lock is on its way; that tab may also have failed or closed.
      if (this.#held === stale) await this.#nextMessage()
      const held = this.#held
      return held !== undefined && held !== stale && held.refreshMs > this.#dependencies.timing.now()
        ? held
        : this.#mint()
    })
  }

  async #nextMessage(): Promise<void> {
    const over = new AbortController()
    const changed = settle(over.signal, (resolve) => this.subscribe(resolve))
    await Promise.race([changed, this.#dependencies.timing.wait(1000)])
    over.abort()
    await changed.catch(() => {})
  }

  async #mint(): Promise<HeldSession> {
    try {
      const session = await withRetries(
        async () => parseSession(await readJson(await this.#request('GET'))),
        this.#dependencies.timing,
        undefined,
      )
      const lifeMs = (Date.parse(session.expiresAt) - Date.parse(session.refreshAt)) * 5
      const now = this.#dependencies.timing.now()
      const held = { ...session, refreshMs: now + lifeMs * 0.8, expiresMs: now + lifeMs }
      this.#hold(held)
      this.#channel?.postMessage(held)
      return held
    } catch (error) {
      if (error instanceof ClientError && error.code === 'ERR_SIGNED_OUT') {
        this.#hold(undefined)
        this.#channel?.postMessage(null)
      }
      throw error
    }
  }

  async #request(method: string): Promise<Response> {
    const { cdn, fetch } = this.#dependencies
    const init = { method, credentials: 'include', cache: 'no-store' } as const
    const response = await fetch(`${cdn}/_edge/session`, init).catch((cause: unknown) => {
      throw new ClientError('ERR_NETWORK', 'no answer from the session endpoint', { cause })
    })
    if (!response.ok) throw await errorOf(response)
    return response
  }

  #hold(held: HeldSession | undefined): void {
    this.#held = held
    for (const listener of this.#listeners) listener()
  }
}

/** Reads JSON, and refuses the HTML of a sign-in page or a captive portal. @throws ClientError `ERR_RESPONSE_INVALID`. */
export async function readJson(response: Response): Promise<unknown> {
  if (!/^application\/([\w.-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel()
    throw new ClientError('ERR_RESPONSE_INVALID', 'the answer is not JSON', { status: response.status })
  }
  return response.json().catch((cause: unknown) => {
    if (cause instanceof SyntaxError)
      throw new ClientError('ERR_RESPONSE_INVALID', 'the answer is broken JSON', { status: response.status })
    throw new ClientError('ERR_NETWORK', 'the answer was cut off', { cause })
  })
}

function parseSession(value: unknown): Session {
  const { expiresAt, refreshAt, prefixes } = (value ?? {}) as { [Name in keyof Session]?: unknown }
  if (!isTime(expiresAt) || !isTime(refreshAt) || !isTexts(prefixes))
    throw new ClientError('ERR_RESPONSE_INVALID', 'the answer of the session endpoint has another form')
  return { expiresAt, refreshAt, prefixes }
}

/** Other tabs may run another version of the app: what they post counts only in the form of today. */
function parseHeld(value: unknown): HeldSession | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { refreshMs, expiresMs } = value as Partial<HeldSession>
  if (typeof refreshMs !== 'number' || typeof expiresMs !== 'number') return undefined
  try {
    return { ...parseSession(value), refreshMs, expiresMs }
  } catch {
    return undefined
  }
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

/** Returns true for a list of texts. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
