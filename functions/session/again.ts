import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { headerSafe } from '../../shared/http/return-address.ts'

/**
 * 307 to the same URL with these cookies: the method stays (RFC 9110 section 15.4.8), and whatever asked, a page, an image or a
 * player, asks again by itself.
 */
export function askAgain({ path, querystring }: HttpRequest, setCookie: readonly string[]): HttpResponse {
  const query = querystring === '' ? '' : `?${querystring}`
  return {
    status: 307,
    headers: [
      // A canonical path begins with one slash, so this cannot name another host.
      ['location', headerSafe(`${path}${query}`)],
      ['cache-control', 'no-store'],
      ...setCookie.map((line) => ['set-cookie', line] as const),
    ],
    body: '',
  }
}
