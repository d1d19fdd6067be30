import type { Grant } from '../../shared/grant/resource-prefix.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import type { KeyDocument } from '../../shared/keys/key-document.ts'
import { edgeGrantsValue, renewedGrantsCookie } from '../../shared/session/edge-grants.ts'
import type { Session } from '../../shared/session/session.ts'
import { signGrants } from './grant-signing.ts'
import { renewalMarker } from './loop-guard.ts'
import { askAgain } from './redirect.ts'
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
 * Has the request come again with fresh cookies for its grant. Only for the grant that covers the path: the others renew when
 * they are used.
 */
export async function renew(terms: RenewalTerms, keys: KeyDocument, services: SessionServices): Promise<HttpResponse> {
  const { request, session, grant, host, now, expires } = terms
  const { domain } = services.config.cookies
  const lines = [
    ...(await signGrants([grant], { host, now, expires, clientIp: request.clientIp }, keys, services)),
    renewedGrantsCookie(edgeGrantsValue([grant.prefix], keys.stampKey), expires - now, domain),
    renewalMarker(request.path, session, grant.prefix, expires - now),
  ]
  return askAgain(request, lines)
}
