import { encodeKey } from '../../client/encode-key.ts'

/** The calls of the Files page: the session at the edge, and the API under `/api`. Cookies of this origin carry the session. */

/** An asset as the API lists it. */
export interface Asset {
  readonly key: string
  readonly size: number
  readonly lastModified: string
}

/** A granted folder such as `users/alice/`. */
export interface Folder {
  readonly prefix: string
  readonly write: boolean
}

/** The session as `/api/me` describes it. */
export interface Me {
  readonly sub: string
  readonly folders: readonly Folder[]
}

/** A refusal by the API, or `ERR_OFFLINE` if nothing answered. `message` is the public text of the problem. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
  }
}

/** Returns true if the failure ends with a new sign-in. Read-only refusals are 401 too, and do not. */
export function isSessionOver(error: unknown): boolean {
  return error instanceof ApiError && /^ERR_SESSION_(MISSING|INVALID|EXPIRED|REVOKED|DUPLICATE)$/.test(error.code)
}

/** Sends a request and parses its JSON. @throws ApiError. */
export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError('ERR_OFFLINE', 0, 'The server cannot be reached. Check the connection, then try again.', {
      cause,
    })
  }
  const document: unknown = await response.json().catch(() => undefined)
  if (response.ok && (response.status === 204 || document !== undefined)) return document as T
  throw problemError(response.status, document)
}

/** Makes the error of a problem document; an answer that is none (a proxy's page) keeps its status. */
function problemError(status: number, document: unknown): ApiError {
  const { code, title, detail } = (document ?? {}) as Record<string, unknown>
  if (typeof code !== 'string') return new ApiError('ERR_ANSWER', status, `The server answered ${status}. Try again.`)
  return new ApiError(code, status, [title, detail].filter((text) => typeof text === 'string').join('. '))
}

/** Mints the cookies that open files. @returns the time to mint again, in milliseconds since 1970. */
export async function mint(): Promise<number> {
  const { refreshAt } = await call<{ refreshAt: string }>('GET', '/_edge/session')
  return Date.parse(refreshAt)
}

/** Reads the user and their folders. Several grants may cover one folder; one that allows writing is enough. */
export async function readMe(): Promise<Me> {
  type Grant = { readonly prefix: string; readonly access: 'read' | 'read-write' }
  const { sub, grants } = await call<{ sub: string; grants: readonly Grant[] }>('GET', '/api/me')
  const folders = [...new Set(grants.map(({ prefix }) => prefix))].map((prefix) => ({
    prefix: decodeURIComponent(prefix.slice(1)),
    write: grants.some((grant) => grant.prefix === prefix && grant.access === 'read-write'),
  }))
  return { sub, folders }
}

/** Address of a file on this host: each segment percent-encoded. */
export function fileUrl(key: string): string {
  return `/${encodeKey(key)}`
}

/** Yields the assets below a prefix, page by page. */
export async function* list(prefix: string, signal: AbortSignal): AsyncGenerator<readonly Asset[]> {
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({ prefix, limit: '1000', ...(cursor === undefined ? {} : { cursor }) })
    const page = await call<{ assets: Asset[]; cursor?: string }>('GET', `/api/assets?${query}`, undefined, signal)
    yield page.assets
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Returns an error that can be shown, whatever was thrown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError('ERR_UNKNOWN', 0, 'Something went wrong on this page. Load it again.', { cause: error })
}

/** Runs a task for each key, a few at once. Returns the first failure; the others go on. */
export async function forEachOf(keys: readonly string[], task: (key: string) => Promise<void>): Promise<unknown> {
  const waiting = [...keys]
  let failure: unknown
  const lane = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      await task(key).catch((error: unknown) => {
        failure ??= error
      })
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  return failure
}
