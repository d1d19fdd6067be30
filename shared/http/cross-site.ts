import { RequestError } from '../errors.ts'
import type { OriginCheck } from './allowed-origins.ts'
import type { HttpRequest } from './message.ts'

/**
 * Guards a state change against cross-site request forgery (https://www.w3.org/TR/fetch-metadata/). Without it any site that
 * a signed-in user visits could sign them out or act for them, since the browser adds the cookies.
 *
 * Refused: `Sec-Fetch-Site: cross-site`; an `Origin` that is neither allowed nor our own, `null` among them. Where neither
 * header came, the client is no browser that could be misused, and passes.
 *
 * @throws RequestError `ERR_CROSS_SITE`.
 */
export function refuseCrossSite(request: HttpRequest, isAllowed: OriginCheck): void {
  const site = request.headers['sec-fetch-site']
  const origin = request.headers.origin
  if (site?.includes('cross-site')) throw new RequestError('ERR_CROSS_SITE')
  if (origin === undefined || isAllowed(origin) || origin === `https://${request.host}`) return
  // The emulation serves plain http. Both must agree: `Sec-Fetch-Site` alone would let any `Origin` pass that comes with it.
  if (site === 'same-origin' && origin === `http://${request.host}`) return
  throw new RequestError('ERR_CROSS_SITE')
}
