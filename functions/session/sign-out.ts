import { expiredGrantCookies } from '../../shared/cloudfront/cookies.ts'
import { RequestError } from '../../shared/errors.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import { refuseCrossSite } from '../../shared/http/cross-site.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { cookieAttributes, setCookie } from '../../shared/http/set-cookie.ts'
import {
  expiredEdgeGrants,
  expiredRenewals,
  hasFormerGrants,
  readFormerGrants,
} from '../../shared/session/edge-grants.ts'
import { cookieHeaders, redirect } from './redirect.ts'
import { readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'

/**
 * `DELETE /_edge/session`: 204.
 *
 * @throws RequestError `ERR_CROSS_SITE`; ServiceError where `edge-grants` cannot be checked: half a sign-out must not look like one.
 */
export async function endSession(request: HttpRequest, services: SessionServices, now: number): Promise<HttpResponse> {
  refuseCrossSite(request, services.isAllowedOrigin)
  return { status: 204, headers: cookieHeaders(await clearedCookies(request, services, now)), body: '' }
}

/**
 * `GET /_edge/session/end?return=`: 303 to `return`, else to `/`.
 *
 * A GET that changes state can be set off by any link or image. So another site's is refused, and from the same site only a
 * navigation counts: an image in somebody's upload must not sign its viewers out.
 *
 * @throws RequestError, ServiceError as above, and for a bad `return`.
 */
export async function endSessionAndReturn(
  request: HttpRequest,
  services: SessionServices,
  now: number,
): Promise<HttpResponse> {
  refuseCrossSite(request, services.isAllowedOrigin)
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate' && request.headers['sec-fetch-site'] !== 'same-origin') {
    throw new RequestError('ERR_CROSS_SITE')
  }
  const location = readReturnTarget(request, services)?.location ?? '/'
  return redirect(303, location, await clearedCookies(request, services, now))
}

async function clearedCookies(request: HttpRequest, services: SessionServices, now: number): Promise<string[]> {
  const { cookies, endSession, session } = services.config
  const sent = readCookies(request.headers.cookie)
  // Without the cookie there is nothing to check, so a browser without grants can sign out of the app during an outage.
  const { prefixes, renewals } = hasFormerGrants(sent)
    ? readFormerGrants(sent, (await services.keys(now)).stampKey, services.grantLimit)
    : { prefixes: [], renewals: [] }
  return [
    ...prefixes.flatMap((prefix) => expiredGrantCookies(prefix, cookies.domain)),
    ...expiredEdgeGrants(cookies.domain),
    ...expiredRenewals(renewals, cookies.domain),
    ...(endSession ? expiredAppSession(session.cookieName, cookies.domain) : []),
  ]
}

/**
 * Deletes the app's session cookie as it may have been set: host-only, and with our `Domain`. A `__Host-` cookie is accepted
 * only with `Secure`, `Path=/` and no `Domain` (RFC 6265bis section 4.1.3.2), and so is its deletion.
 */
function expiredAppSession(name: string, domain: string | null): string[] {
  const clear = (of: string | null) => setCookie(name, '', cookieAttributes({ path: '/', maxAge: 0, domain: of }))
  return domain === null || name.toLowerCase().startsWith('__host-') ? [clear(null)] : [clear(null), clear(domain)]
}
