import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { headerSafe } from '../../shared/http/return-address.ts'

/** The headers of an answer that sets these cookies, which no cache may keep. */
export function cookieHeaders(setCookie: readonly string[]): HttpResponse['headers'] {
  return [['cache-control', 'no-store'], ...setCookie.map((line) => ['set-cookie', line] as const)]
}

/** A redirect that sets these cookies. 303 turns a POST into a GET, 307 keeps the method (RFC 9110 section 15.4). */
export function redirect(status: 302 | 303 | 307, location: string, setCookie: readonly string[] = []): HttpResponse {
  return { status, headers: [['location', location], ...cookieHeaders(setCookie)], body: '' }
}

/** Has whatever asked, a page, an image or a player, ask for the same URL again with these cookies. */
export function askAgain({ path, querystring }: HttpRequest, setCookie: readonly string[]): HttpResponse {
  const query = querystring === '' ? '' : `?${querystring}`
  // A canonical path begins with one slash, so this cannot name another host.
  return redirect(307, headerSafe(`${path}${query}`), setCookie)
}
