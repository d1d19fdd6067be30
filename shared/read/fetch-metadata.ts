import { RequestError } from '../errors.ts'
import type { HttpRequest } from '../http/message.ts'
import type { SameSite } from '../http/set-cookie.ts'
import type { OriginCheck } from './cors.ts'

/**
 * Returns true if a browser shows the answer to a person: a navigation (`Sec-Fetch-Mode: navigate`), or, without that header, a GET
 * that accepts HTML. Every other request is a fetch and gets JSON.
 */
export function isNavigation(request: HttpRequest): boolean {
  const mode = request.headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return request.method === 'GET' && (request.headers.accept?.includes('text/html') ?? false)
}

/**
 * Protects a state change from cross-site request forgery (https://www.w3.org/TR/fetch-metadata/). Without it, any site that a
 * signed-in user visits could sign the user out or act for the user, because the browser adds the cookies.
 *
 * Refuses `Sec-Fetch-Site: cross-site`, and an `Origin` that is neither allowed nor the host's own, including `null`. A request
 * with neither header is not from a browser, and passes.
 *
 * @param sameSite of the stage's cookies. With `None`, pages of other sites may act for their user if their `Origin` is allowed.
 * @throws RequestError `ERR_CROSS_SITE`.
 */
export function refuseCrossSite(request: HttpRequest, isAllowed: OriginCheck, sameSite: SameSite = 'Lax'): void {
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  const isTrusted = sameSite === 'None' && origin !== undefined && isAllowed(origin)
  if (site?.includes('cross-site') && !isTrusted) throw new RequestError('ERR_CROSS_SITE')
  if (origin === undefined || isAllowed(origin) || origin === `https://${request.host}`) return
  // The emulation serves plain http. Both headers must agree: `Sec-Fetch-Site` alone would admit any `Origin`.
  if (site === 'same-origin' && origin === `http://${request.host}`) return
  throw new RequestError('ERR_CROSS_SITE')
}
