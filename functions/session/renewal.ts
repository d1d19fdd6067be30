import type { Grant } from '../../shared/grant/resource-prefix.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { headerSafe } from '../../shared/http/return-address.ts'
import type { KeyDocument } from '../../shared/keys/key-document.ts'
import { edgeGrantsValue, renewedGrantsCookie } from '../../shared/session/edge-grants.ts'
import type { Session } from '../../shared/session/session.ts'
import { signGrants } from './grant-signing.ts'
import { renewalMarker } from './loop-guard.ts'
import type { SessionServices } from './services.ts'

/** What a renewal is made from. `grant` covers the request's path; times in epoch seconds. */
export interface RenewalTerms {
  readonly request: HttpRequest
  readonly session: Session
  readonly grant: Grant
  readonly host: string
  readonly now: number
  readonly expires: number
}

/**
 * 307 to the same URL with fresh cookies for its grant: the method stays (RFC 9110 section 15.4.8), and whatever asked, an
 * image or a player, asks again by itself. Only the grant that covers the path: the others renew when they are used.
 */
export async function renew(terms: RenewalTerms, keys: KeyDocument, services: SessionServices): Promise<HttpResponse> {
  const { request, session, grant, host, now, expires } = terms
  const { domain } = services.config.cookies
  const lines = [
    ...(await signGrants([grant], { host, now, expires, clientIp: request.clientIp }, keys, services)),
    renewedGrantsCookie(edgeGrantsValue([grant.prefix], keys.stampKey), expires - now, domain),
    renewalMarker(request.path, session, grant.prefix, expires - now),
  ]
  const query = request.querystring === '' ? '' : `?${request.querystring}`
  return {
    status: 307,
    headers: [
      // A canonical path begins with one slash, so this cannot name another host.
      ['location', headerSafe(`${request.path}${query}`)],
      ['cache-control', 'no-store'],
      ...lines.map((line) => ['set-cookie', line] as const),
    ],
    body: '',
  }
}
