import { createHash } from 'node:crypto'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { cookieAttributes, setCookie } from '../../shared/http/set-cookie.ts'
import type { Session } from '../../shared/session/session.ts'

/** The cookie that says: this address was answered with fresh cookies a moment ago. */
export const markerName = 'edge-renewed'

/** Seconds: longer than a redirect takes, shorter than anybody waits before trying again. */
const longest = 10

/**
 * The line that marks a renewal, so that the next request for the address does not end in another one. It is bound to the
 * address and to the session: another file, or another sign-in, has its own try.
 *
 * Without `Secure`, unlike every other cookie: a browser that drops `Secure` cookies (Safari on http://localhost) is one of
 * those that must be told instead of being sent round in circles. Whoever plants the marker wins a refusal for 10 seconds.
 *
 * @param address the path of the request.
 * @param prefix that of the grant: where the new cookies are sent, the marker is.
 * @param lifetime seconds that the new cookies live: a marker that outlived them would refuse the renewal after theirs.
 */
export function renewalMarker(address: string, session: Session, prefix: string, lifetime: number): string {
  const maxAge = Math.min(longest, lifetime)
  const attributes = cookieAttributes({ path: prefix, maxAge, domain: null, secure: false })
  return setCookie(markerName, markerValue(address, session), attributes)
}

/**
 * Whether the browser would drop the cookies of a renewal and its marker with them, and so be sent round until it gives up:
 * a page of another site may send a `SameSite=None` session along, but what it gets back is `Lax`
 * (draft-ietf-httpbis-rfc6265bis, "The SameSite Attribute"). Opening the address itself is no such request.
 */
export function dropsCookies({ headers }: HttpRequest): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-dest'] !== 'document'
}

/** Whether the browser comes from a renewal of this very address. */
export function wasJustRenewed(cookies: RequestCookies, address: string, session: Session): boolean {
  return cookies.get(markerName)?.includes(markerValue(address, session)) ?? false
}

function markerValue(address: string, { sub, issuedAt }: Session): string {
  return createHash('sha256')
    .update(JSON.stringify([address, sub, issuedAt ?? null]))
    .digest('base64url')
    .slice(0, 22)
}
