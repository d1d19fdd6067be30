import { createHash } from 'node:crypto'
import { edgeGrantsValue, renewedGrantsCookie } from '../../shared/grant/edge-grants.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { cookieAttributes, setCookie } from '../../shared/http/set-cookie.ts'
import type { KeyDocument } from '../../shared/keys/key-document.ts'
import type { Session } from '../../shared/session/session.ts'
import { signGrants } from './grant-cookies.ts'
import { askAgain } from './responses.ts'
import type { SessionServices } from './services.ts'

/** Input of a renewal. `prefix` is the granted one of the request's path. Times in epoch seconds. */
export interface RenewalInput {
  readonly request: HttpRequest
  readonly session: Session
  readonly prefix: ResourcePrefix
  readonly host: string
  readonly now: number
  /** Time of issue in the policy (`issueTime`). */
  readonly issued: number
  /** Time in the stamp (`stampTime`). */
  readonly stamped: number
  readonly expires: number
}

/**
 * Redirects to the same URL with fresh cookies for the grant that covers it. The other grants renew when they are used.
 */
export async function renew(input: RenewalInput, keys: KeyDocument, services: SessionServices): Promise<HttpResponse> {
  const { request, session, prefix, host, now, issued, stamped, expires } = input
  const { domain } = services.config.cookies
  const lines = [
    ...(await signGrants(
      [prefix],
      { host, now, issued, stamped, expires, clientIp: request.clientIp },
      keys,
      services,
    )),
    renewedGrantsCookie(edgeGrantsValue([prefix], keys.stampKey), expires - now, domain),
    renewalMarker(request.path, session, prefix, expires - now),
  ]
  return askAgain(request, lines)
}

/** Name of the cookie that marks an address as renewed a moment ago. */
const markerName = 'edge-renewed'

/** Max age in seconds: longer than a redirect takes, shorter than a user waits before trying again. */
const maxMarkerAge = 10

/**
 * Returns the `Set-Cookie` line that marks a renewal, so that the next request for the address is not renewed again. The
 * marker is bound to the address and to the session: another file, or another sign-in, has its own attempt.
 *
 * Unlike every other cookie it has no `Secure`: a browser that drops `Secure` cookies (Safari on http://localhost) must get
 * a reason instead of a redirect loop. A planted marker causes a refusal for 10 seconds.
 *
 * @param address path of the request.
 * @param prefix prefix of the grant, so that the marker is sent wherever the new cookies are.
 * @param lifetime of the new cookies in seconds. A marker that outlived them would refuse their renewal.
 */
function renewalMarker(address: string, session: Session, prefix: string, lifetime: number): string {
  const maxAge = Math.min(maxMarkerAge, lifetime)
  const attributes = cookieAttributes({ path: prefix, maxAge, domain: null, secure: false })
  return setCookie(markerName, markerValue(address, session), attributes)
}

/**
 * Returns true if the browser would drop the cookies of a renewal together with the marker, and so follow redirects until it
 * gives up. A page of another site may send a `SameSite=None` session, but the cookies that it receives are `Lax`
 * (draft-ietf-httpbis-rfc6265bis, "The SameSite Attribute"). Opening the address itself is no such request.
 */
export function dropsCookies({ headers }: HttpRequest): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-dest'] !== 'document'
}

/** Returns true if the browser comes from a renewal of this very address. */
export function wasJustRenewed(cookies: RequestCookies, address: string, session: Session): boolean {
  return cookies.get(markerName)?.includes(markerValue(address, session)) ?? false
}

function markerValue(address: string, { sub, issuedAt }: Session): string {
  return createHash('sha256')
    .update(JSON.stringify([address, sub, issuedAt ?? null]))
    .digest('base64url')
    .slice(0, 22)
}
