import { type Cookie, CookieJar, cookieCompare, MemoryCookieStore, pathMatch } from 'tough-cookie'
import { type Answer, type Send, send } from './http-client.ts'

/**
 * A client that keeps cookies as a browser does: RFC 6265 `Path` and `Max-Age` rules, and `Secure` cookies on http://localhost.
 * It follows no redirect and sends nothing else of its own.
 */
export class Browser {
  readonly baseUrl: string
  readonly #store = new MemoryCookieStore()
  readonly #jar = new CookieJar(this.#store)

  constructor(baseUrl: string) {
    this.baseUrl = baseUrl
  }

  /** Sends a request with the cookies that belong to its path, and keeps those that come back. */
  async send(options: Send | string): Promise<Answer> {
    const request = typeof options === 'string' ? { path: options } : options
    const cookie = await this.cookieHeader(request.path)
    const answer = await send(this.baseUrl, {
      ...request,
      headers: { ...(cookie === '' ? {} : { cookie }), ...request.headers },
    })
    for (const line of answer.setCookie) await this.keep(line, request.path)
    return answer
  }

  /** Stores a `Set-Cookie` line as if a response for `path` had carried it. */
  async keep(setCookie: string, path = '/'): Promise<void> {
    // A line that a browser would drop is dropped here too: the test then sees that the cookie is missing.
    await this.#jar.setCookie(setCookie, `${new URL(this.baseUrl).origin}${path}`, { ignoreError: true })
  }

  /** The `Cookie` header for `path`; empty where no cookie belongs to it. */
  async cookieHeader(path: string): Promise<string> {
    const cookies = await this.#cookiesFor(path)
    return cookies.map((cookie) => cookie.cookieString()).join('; ')
  }

  /** The cookies for `path`, by name. */
  async cookies(path: string): Promise<Map<string, string>> {
    const cookies = await this.#cookiesFor(path)
    return new Map(cookies.map((cookie) => [cookie.key, cookie.value]))
  }

  /** Every cookie held, as `name Path`, sorted: what sign-out must leave empty. */
  async inventory(): Promise<string[]> {
    const cookies = await this.#held()
    return cookies.map(({ key, path }) => `${key} ${path}`).sort()
  }

  /** The jar's own look-up decodes the path first, which browsers do not (RFC 6265 section 5.1.4). */
  async #cookiesFor(path: string): Promise<Cookie[]> {
    const [sent = ''] = path.split(/[?#]/)
    const cookies = await this.#held()
    return cookies.filter((cookie) => pathMatch(sent, cookie.path ?? '/')).sort(cookieCompare)
  }

  async #held(): Promise<Cookie[]> {
    const cookies = await this.#store.getAllCookies()
    return cookies.filter((cookie) => (cookie.expiryTime() ?? 0) > Date.now())
  }
}
