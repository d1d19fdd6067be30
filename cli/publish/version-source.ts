import { Cookie, CookieJar } from 'tough-cookie'
import { Agent, type Dispatcher, interceptors, request } from 'undici'
import type { KeyPrefix } from '../../shared/assets/object-key.ts'
import { AssetError, EdgeSignerError, ServiceError } from '../../shared/errors.ts'
import { parsePrefixUrl } from '../input/request-url.ts'
import { parseNetscapeJar } from '../input/stored-cookies.ts'
import { readText, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { assetsBelow, collectPieces, keyBelow, type PublishTarget } from './target.ts'

/** Place from which a chunked file is read back. */
export interface VersionSource {
  /** Reads a name below the prefix; `undefined` if nothing is there. @throws AssetError `ERR_TOO_LARGE` beyond `maxBytes`. */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>
  /** Names below a folder of the prefix. A CDN has no list. */
  list?(folder: string): AsyncIterable<string>
  close(): void
}

/** Reads from the store itself. */
export function storeSource(target: PublishTarget, folder: KeyPrefix): VersionSource {
  return {
    async read(name, maxBytes) {
      const pieces = await target.read(keyBelow(folder, name))
      return pieces && collectPieces(pieces, maxBytes)
    },
    async *list(below) {
      for await (const { key } of assetsBelow(target.store, keyBelow(folder, below))) yield key.slice(folder.length)
    },
    close: () => target.close(),
  }
}

/** Credentials for reads over the CDN; at most one. */
export interface CdnCredentials {
  /** Path of a Netscape cookie jar. */
  readonly jar?: string
  /** A `Cookie` header, or `@FILE`. */
  readonly cookie?: string
  /** File with a session token, `-` for standard input: cookies are minted, and minted again when they expire. */
  readonly session?: string
}

/**
 * Reads over the CDN, as a browser does. Redirects are not followed.
 *
 * @throws UsageError; `read` throws EdgeSignerError `ERR_SIGNATURE` or `ERR_SESSION_INVALID` if the CDN refuses.
 */
export async function cdnSource(
  url: string,
  credentials: CdnCredentials,
  terminal: Terminal,
  dispatcher: Dispatcher = new Agent({ bodyTimeout: 30_000, headersTimeout: 30_000 }),
): Promise<VersionSource> {
  if (Object.values(credentials).filter((value) => value !== undefined).length > 1)
    throw new UsageError('--jar, --cookie and --session exclude each other')
  const { scheme, host, prefix } = parsePrefixUrl(url.endsWith('/') ? url : `${url}/`)
  const base = `${scheme}://${host}${prefix}`
  const retrying = dispatcher.compose(interceptors.retry({ maxRetries: 4, minTimeout: 200 }))
  const cookies = await cookiesFor(base, credentials, retrying, terminal)
  const get = async (address: string) =>
    request(address, {
      dispatcher: retrying,
      headers: { 'accept-encoding': 'identity', ...(await cookies.header(address)) },
    }).catch((cause: unknown) => {
      throw new ServiceError('ERR_STORE_UNAVAILABLE', `${host} gives no answer`, { cause })
    })
  return {
    async read(name, maxBytes) {
      const address = base + name
      let answer = await get(address)
      if (answer.statusCode === 403 || answer.statusCode === 401) {
        await answer.body.dump()
        if (!(await cookies.renew())) throw refused(host, answer.statusCode)
        answer = await get(address)
      }
      const { statusCode, headers, body } = answer
      if (statusCode === 200 && (headers['content-encoding'] ?? 'identity') === 'identity') {
        try {
          return await collectPieces(body, maxBytes)
        } catch (error) {
          if (error instanceof AssetError) throw error
          throw new ServiceError('ERR_STORE_UNAVAILABLE', `${host} broke off ${name}`, { cause: error })
        }
      }
      await body.dump()
      if (statusCode === 404) return undefined
      if (statusCode === 401 || statusCode === 403) throw refused(host, statusCode)
      if (statusCode === 200) throw new AssetError('ERR_UPLOAD_MISMATCH', `${host} sends ${name} encoded`)
      throw new ServiceError('ERR_STORE_UNAVAILABLE', `${host} answers ${name} with status ${statusCode}`)
    },
    close: () => void dispatcher.destroy(),
  }
}

interface Cookies {
  header(url: string): Promise<{ cookie?: string }>
  /** Returns false if there is nothing to renew them with. */
  renew(): Promise<boolean>
}

async function cookiesFor(
  base: string,
  { jar, cookie, session }: CdnCredentials,
  dispatcher: Dispatcher,
  terminal: Terminal,
): Promise<Cookies> {
  if (cookie !== undefined) {
    const text = cookie.startsWith('@') ? await readText(cookie.slice(1), '--cookie', terminal) : cookie
    const header = text.trim().replace(/^cookie:\s*/i, '')
    return { header: async () => ({ cookie: header }), renew: async () => false }
  }
  const store = new CookieJar()
  const header = async (url: string) => {
    const value = await store.getCookieString(url)
    return value === '' ? {} : { cookie: value }
  }
  if (jar !== undefined) {
    for (const { name, value, domain, hostOnly, path, secure, expires } of parseNetscapeJar(
      await readText(jar, '--jar', terminal),
    )) {
      const end = expires === undefined ? {} : { expires: new Date(expires * 1000) }
      const held = new Cookie({ key: name, value, domain: hostOnly ? null : (domain ?? null), path, secure, ...end })
      // Cookies of other sites are not for this one.
      if (domain === new URL(base).hostname || !hostOnly) await store.setCookie(held, base, { ignoreError: true })
    }
    return { header, renew: async () => false }
  }
  if (session === undefined) return { header, renew: async () => false }
  const token = (await readText(session, '--session', terminal)).trim()
  let minting: Promise<void> | undefined
  const mint = async () => {
    const address = new URL('/_edge/session', base).href
    const answer = await request(address, { dispatcher, headers: { authorization: `Bearer ${token}` } })
    await answer.body.dump()
    if (answer.statusCode !== 200) throw refused(new URL(base).host, answer.statusCode)
    for (const line of [answer.headers['set-cookie'] ?? []].flat())
      await store.setCookie(line, address, { ignoreError: true })
  }
  /** One mint for all lanes that were refused at once. */
  const mintOnce = () => {
    minting ??= mint().finally(() => {
      minting = undefined
    })
    return minting
  }
  await mintOnce()
  return { header, renew: () => mintOnce().then(() => true) }
}

function refused(host: string, status: number): EdgeSignerError {
  return status === 401
    ? new EdgeSignerError('ERR_SESSION_INVALID', `${host} does not accept the session: edge-signer explain --session`)
    : new EdgeSignerError(
        'ERR_SIGNATURE',
        `${host} refuses access: name --session, --jar or --cookie of a user with it`,
      )
}
