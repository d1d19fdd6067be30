import { CookieJar } from 'tough-cookie'
import { type Answer, type Send, send } from './http-client.ts'

/**
 * A client that keeps cookies as a browser does: RFC 6265 `Path` and `Max-Age` rules, and `Secure` cookies on http://localhost.
 * It follows no redirect and sends nothing else of its own.
 */
export class Browser {
  readonly baseUrl: string
  readonly #jar = new CookieJar()

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
    await this.#jar.setCookie(setCookie, this.#url(path), { ignoreError: true })
  }

  /** The `Cookie` header for `path`; empty where no cookie belongs to it. */
  async cookieHeader(path: string): Promise<string> {
    return this.#jar.getCookieString(this.#url(path))
  }

  /** The cookies for `path`, by name. */
  async cookies(path: string): Promise<Map<string, string>> {
    const cookies = await this.#jar.getCookies(this.#url(path))
    return new Map(cookies.map((cookie) => [cookie.key, cookie.value]))
  }

  /** Every cookie held, as `name Path`, sorted: what sign-out must leave empty. */
  async inventory(): Promise<string[]> {
    const { cookies } = await this.#jar.serialize()
    return cookies.map((cookie) => `${String(cookie.key)} ${String(cookie.path)}`).sort()
  }

  #url(path: string): string {
    // `new URL("//x", base)` would name another host.
    return `${new URL(this.baseUrl).origin}${path}`
  }
}
