import { RequestError } from '../../shared/errors.ts'
import { hasFormerGrants, noFormerGrants, readFormerGrants } from '../../shared/grant/edge-grants.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { cookieAttributes, setCookie } from '../../shared/http/set-cookie.ts'
import { signOutHeaders } from '../../shared/read/answer-headers.ts'
import { refuseCrossSite } from '../../shared/read/fetch-metadata.ts'
import { signOutMarker } from '../../shared/session/sign-out-marker.ts'
import { clearGrants } from './grant-cookies.ts'
import { cookieHeaders, redirect } from './responses.ts'
import { readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'

/**
 * `DELETE /_edge/session`: 204.
 *
 * @throws RequestError `ERR_CROSS_SITE`; ServiceError where the lists of grants cannot be checked or, in `gate` mode, the sign-out cannot
 *   be marked: half a sign-out must not look like one.
 */
export async function endSession(request: HttpRequest, services: SessionServices, now: number): Promise<HttpResponse> {
  refuseCrossSite(request, services.readers.isAllowed, services.config.cookies.sameSite)
  return {
    status: 204,
    headers: [...cookieHeaders(await clearedCookies(request, services, now)), ...signOutHeaders],
    body: '',
  }
}

/**
 * `GET /_edge/session/end?return=`: 303 to `return`, else to `/`.
 *
 * A GET that changes state can be set off by any link or image. So another site's is refused, and what a file of another user
 * could set off (`isSetOffByFile`): opening an upload must not sign its viewer out.
 *
 * @throws RequestError, ServiceError as above, and for a bad `return`.
 */
export async function endSessionAndReturn(
  request: HttpRequest,
  services: SessionServices,
  now: number,
): Promise<HttpResponse> {
  refuseCrossSite(request, services.readers.isAllowed, services.config.cookies.sameSite)
  if (isSetOffByFile(request.headers, services.config.hasApp)) throw new RequestError('ERR_CROSS_SITE')
  const location = readReturnTarget(request, services)?.location ?? '/'
  const response = redirect(303, location, await clearedCookies(request, services, now))
  return { ...response, headers: [...response.headers, ...signOutHeaders] }
}

/**
 * Returns true if a file that users uploaded can have sent this request. Files have no script. What is left to them is an
 * image, a player or a redirect of their own (`<meta http-equiv="refresh">`), and the last is a navigation that no user asked
 * for (`Sec-Fetch-User`). An app on this origin may send those too, so there they pass.
 */
function isSetOffByFile(headers: HttpRequest['headers'], hasApp: boolean): boolean {
  const mode = headers['sec-fetch-mode']
  if (mode === undefined) return false
  const isSameOrigin = headers['sec-fetch-site'] === 'same-origin'
  if (mode === 'navigate') return isSameOrigin && headers['sec-fetch-user'] !== '?1' && !hasApp
  return !isSameOrigin || (headers['sec-fetch-dest'] ?? 'empty') !== 'empty'
}

async function clearedCookies(request: HttpRequest, services: SessionServices, now: number): Promise<string[]> {
  const { cookies, endSession, gate, session } = services.config
  const sent = readCookies(request.headers.cookie)
  const appSession = endSession ? expiredAppSession(session.cookieName, cookies) : []
  // Where CloudFront guards the files and no list came, there is nothing to check or to mark. So a browser without grants can sign out
  // of the app during an outage.
  if (!gate && !hasFormerGrants(sent)) return clearGrants(noFormerGrants, cookies, appSession)
  const { stampKey } = await services.keys(now)
  const terms = { ...cookies, clockSkewSeconds: session.clockSkewSeconds }
  const marker = gate ? [signOutMarker(sent, stampKey, now, terms)] : []
  return clearGrants(readFormerGrants(sent, stampKey), cookies, [...appSession, ...marker])
}

/**
 * Deletes the app's session cookie as it may have been set: host-only, and with our `Domain`. A `__Host-` cookie is accepted
 * only with `Secure`, `Path=/` and no `Domain` (RFC 6265bis section 4.1.3.2), and so is its deletion.
 */
function expiredAppSession(name: string, { domain, sameSite }: SessionServices['config']['cookies']): string[] {
  const clear = (of: string | null) =>
    setCookie(name, '', cookieAttributes({ path: '/', maxAge: 0, domain: of, sameSite }))
  return domain === null || name.toLowerCase().startsWith('__host-') ? [clear(null)] : [clear(null), clear(domain)]
}
