import { encodeKey } from './encode-key.ts'
import { ClientError, errorOf } from './errors.ts'
import { systemTiming, type Timing, withRetries } from './retry.ts'
import { type HeldSession, isTexts, readJson, type Session, SessionHolder } from './session.ts'

/** Addresses of a stage, and replacements for tests. */
export interface EdgeClientOptions {
  /** Origin of the CDN, `https://cdn.example.com`; by default the page's own. */
  readonly cdn?: string
  /** Base of the API; by default `/api` at the CDN. */
  readonly api?: string
  readonly fetch?: typeof fetch
  readonly timing?: Partial<Timing>
}

/** One right of the user. */
export interface UserGrant {
  /** Percent-encoded prefix, `/users/alice/`. */
  readonly prefix: string
  readonly access: 'read' | 'read-write'
}

/** The signed-in user, as `GET /api/me` tells. */
export interface Me {
  readonly sub: string
  readonly grants: readonly UserGrant[]
  readonly scopes: readonly string[]
}

/** Options of `EdgeClient.fetch`: those of `fetch`, less what the library decides. */
export type EdgeRequest = Omit<RequestInit, 'credentials'>

/** A stage as a page or worker uses it. Made by `createEdgeClient`. */
export interface EdgeClient {
  readonly cdn: string
  readonly api: string
  readonly timing: Timing
  /** The session as this page knows it; `undefined` before the first `ensureSession` and after a sign-out. */
  readonly session: Session | undefined
  /**
   * Resolves when the cookies are there: at once, or after one request that all callers and tabs share. Renews after `refreshAt`.
   *
   * @throws ClientError `ERR_SIGNED_OUT`, `ERR_FORBIDDEN`, `ERR_NETWORK`, `ERR_UNAVAILABLE`, `ERR_RESPONSE_INVALID`.
   */
  ensureSession(options?: { readonly signal?: AbortSignal }): Promise<Session>
  /** Ends the session in this browser, in every tab. */
  signOut(): Promise<void>
  /** The signed-in user. */
  me(options?: { readonly signal?: AbortSignal }): Promise<Me>
  /**
   * `fetch` with the cookies, of an address at the CDN or the API. Mints first, except below `/public/`, and once more after a 403 or
   * 401. Any other status is the caller's, as with `fetch`.
   *
   * @throws ClientError as `ensureSession`, and `ERR_NETWORK`, `ERR_ARGUMENT` for an address elsewhere.
   */
  fetch(address: string | URL, request?: EdgeRequest): Promise<Response>
  /** Sends JSON to the API and returns its JSON, with retries. @param path such as `/uploads`. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown, signal?: AbortSignal): Promise<unknown>
  /** The address of a key, `users/alice/a b.png`: each segment percent-encoded. */
  url(key: string): string
  /** Calls `listener` after every change of `session`; returns a function that ends that. */
  subscribe(listener: () => void): () => void
  /**
   * Renews at `refreshAt` until the returned function is called: for `<img>`, `<video>` and players, which send requests that the library
   * does not see. `onError` gets each failed renewal. After `ERR_SIGNED_OUT` renewing pauses until the next session.
   */
  keepAlive(onError?: (error: unknown) => void): () => void
  /** Leaves the channel to other tabs. */
  close(): void
}

/**
 * Opens a stage. Sends nothing yet.
 *
 * @example
 * const client = createEdgeClient({ cdn: 'https://cdn.example.com' })
 * const { prefixes } = await client.ensureSession()
 * image.src = client.cdn + prefixes[0] + 'photo.jpg'
 */
export function createEdgeClient(options: EdgeClientOptions = {}): EdgeClient {
  const cdn = new URL(options.cdn ?? globalThis.location.origin).origin
  const api = new URL(options.api ?? '/api', cdn).href.replace(/\/$/, '')
  const origins = [cdn, new URL(api).origin]
  const timing = { ...systemTiming, ...options.timing }
  const send = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const holder = new SessionHolder({ cdn, fetch: send, timing })

  async function once(url: URL, request: EdgeRequest): Promise<Response> {
    return send(url, { ...request, credentials: 'include' }).catch((cause: unknown) => {
      request.signal?.throwIfAborted()
      throw new ClientError('ERR_NETWORK', 'no answer', { cause })
    })
  }

  async function fetchWithSession(address: string | URL, request: EdgeRequest = {}): Promise<Response> {
    const url = new URL(address, `${cdn}/`)
    if (!origins.includes(url.origin)) throw new ClientError('ERR_ARGUMENT', 'the address is of another origin')
    if (url.pathname.startsWith('/public/')) return once(url, request)
    const signal = request.signal ?? undefined
    // Cookies due for renewal still open files: the read does not wait for the new ones.
    let session: HeldSession | undefined = holder.held
    if (session === undefined || session.expiresMs <= timing.now()) session = await holder.ensure(undefined, signal)
    else if (session.refreshMs <= timing.now()) holder.ensure().catch(() => {})
    const response = await once(url, request)
    if (response.status !== 403 && response.status !== 401) return response
    await response.body?.cancel()
    await holder.ensure(session, signal)
    return once(url, request)
  }

  async function call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    const json =
      body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const request = { method, cache: 'no-store', ...json, ...(signal === undefined ? {} : { signal }) } as const
    return withRetries(
      async () => {
        const response = await once(new URL(`${api}${path}`), request)
        if (!response.ok) throw await errorOf(response)
        return readJson(response)
      },
      timing,
      signal,
    )
  }

  return {
    cdn,
    api,
    timing,
    get session() {
      return holder.held
    },
    ensureSession: ({ signal } = {}) => holder.ensure(undefined, signal),
    signOut: () => holder.end(),
    me: async ({ signal } = {}) => parseMe(await call('GET', '/me', undefined, signal)),
    fetch: fetchWithSession,
    call,
    url: (key) => `${cdn}/${encodeKey(key)}`,
    subscribe: (listener) => holder.subscribe(listener),
    keepAlive: (onError) => keepAlive(holder, timing, onError ?? (() => {})),
    close: () => holder.close(),
  }
}

/** A sleeping device stops timers: the session is looked at again when the page returns. */
function keepAlive(holder: SessionHolder, { now, wait }: Timing, onError: (error: unknown) => void): () => void {
  const stopped = new AbortController()
  let round = new AbortController()
  const next = async () => {
    round.abort()
    round = new AbortController()
    const { signal } = round
    const due = holder.held === undefined ? undefined : holder.held.refreshMs - now()
    if (due === undefined) return
    await wait(Math.max(due, 0), signal)
    if (holder.held !== undefined) await holder.ensure(undefined, signal)
  }
  const go = () => {
    if (stopped.signal.aborted) return
    const current = next()
    const { signal } = round
    current.catch(async (error: unknown) => {
      if (signal.aborted) return
      onError(error)
      if (!(error instanceof ClientError) || !/NETWORK|UNAVAILABLE/.test(error.code)) return
      await wait(30_000, signal).then(go, () => {})
    })
  }
  const { signal } = stopped
  if (typeof document === 'object') document.addEventListener('visibilitychange', go, { signal })
  if (typeof addEventListener === 'function') addEventListener('online', go, { signal })
  // A new session sets the next timer.
  const unsubscribe = holder.subscribe(go)
  if (holder.held === undefined) holder.ensure().catch(onError)
  else go()
  return () => {
    unsubscribe()
    stopped.abort()
    round.abort()
  }
}

function parseMe(value: unknown): Me {
  const { sub, grants, scopes } = (value ?? {}) as { [Name in keyof Me]?: unknown }
  if (typeof sub !== 'string' || !Array.isArray(grants) || !grants.every(isGrant) || !isTexts(scopes))
    throw new ClientError('ERR_RESPONSE_INVALID', 'the answer of /api/me has another form')
  return { sub, grants, scopes }
}

function isGrant(value: unknown): value is UserGrant {
  const { prefix, access } = (value ?? {}) as { [Name in keyof UserGrant]?: unknown }
  return typeof prefix === 'string' && (access === 'read' || access === 'read-write')
}
