import { expiredGrantCookies } from '../../shared/cloudfront/cookies.ts'
import { type ErrorCode, GrantError, SessionError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { Grant, ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { isNavigation } from '../../shared/http/navigation.ts'
import { rfc3339 } from '../../shared/http/rfc3339.ts'
import { isSessionRevoked } from '../../shared/revocation/state.ts'
import {
  edgeGrantsCookies,
  edgeGrantsValue,
  expiredEdgeGrants,
  expiredRenewals,
  type FormerGrants,
  readFormerGrants,
} from '../../shared/session/edge-grants.ts'
import type { Session } from '../../shared/session/session.ts'
import type { EdgeRequest } from './event.ts'
import { fitsOneResponse, signGrants } from './grant-signing.ts'
import { mintedPage } from './page.ts'
import { policyHost } from './policy-host.ts'
import { askAgain, cookieHeaders, redirect } from './redirect.ts'
import { refreshAt } from './refresh-at.ts'
import { MintRefusal } from './refusal.ts'
import { isServed, readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'
import { verifiedSession } from './verified-session.ts'

/**
 * Turns the app session of a request into CloudFront's cookies: 200 with the times and prefixes, or, for a navigation with
 * `return`, 303 to there, and for one without it a page that says so.
 *
 * @throws SessionError, GrantError, RequestError, ServiceError.
 */
export async function mintSession(edge: EdgeRequest, services: SessionServices, now: number): Promise<HttpResponse> {
  const { request } = edge
  const { config } = services
  const target = readReturnTarget(request, services)
  const host = policyHost(config, edge)
  const received = readCookies(request.headers.cookie)
  const session = await verifiedSession(request, received, services, now)
  const [keys, revocations] = await Promise.all([services.keys(now), services.revocations(now)])

  const former = readFormerGrants(received, keys.stampKey, services.grantLimit)
  const grants = grantsOf(session, services, former)
  if (isSessionRevoked(revocations, session, grants)) throw new SessionError('ERR_SESSION_REVOKED')
  const dropped = former.prefixes.filter((prefix) => !grants.some((grant) => grant.prefix === prefix))
  if (target !== undefined && !isServed(target, grants, services)) {
    throw new MintRefusal('ERR_RETURN_NOT_GRANTED', expire(dropped, config.cookies.domain))
  }

  const expires = Math.min(now + config.cookies.ttlSeconds, session.expiresAt)
  const value = edgeGrantsValue(
    grants.map(({ prefix }) => prefix),
    keys.stampKey,
  )
  const fresh = [
    ...(await signGrants(grants, { host, now, expires, clientIp: request.clientIp }, keys, services)),
    ...edgeGrantsCookies(value, expires - now, config.cookies.domain),
  ]
  const cookies = [
    ...expire(dropped, config.cookies.domain),
    ...fresh,
    ...expiredRenewals(former.renewals, config.cookies.domain),
  ]
  if (!fitsOneResponse(cookies)) {
    if (!fitsOneResponse(fresh)) throw refusal('ERR_GRANT_TOO_MANY', former, config.cookies.domain)
    // The old ones go first. Without `edge-grants` the next time has none to delete, so there is no third.
    return askAgain(request, forget(former, config.cookies.domain))
  }
  if (!isNavigation(request)) return sessionResponse(grants, now, expires, cookies)
  return target === undefined ? mintedPage(cookieHeaders(cookies)) : redirect(303, target.location, cookies)
}

/** A session without grants must not go on with those of the one before it. */
function grantsOf(session: Session, services: SessionServices, former: FormerGrants): Grant[] {
  try {
    return grantsFor(session, services.config.templates, services.grantLimit)
  } catch (error) {
    throw error instanceof GrantError ? refusal(error.code, former, services.config.cookies.domain) : error
  }
}

function refusal(code: ErrorCode, former: FormerGrants, domain: string | null): MintRefusal {
  return new MintRefusal(code, former.prefixes.length === 0 ? [] : forget(former, domain))
}

/** The lines that delete what earlier mints and renewals set, and their lists. */
function forget(former: FormerGrants, domain: string | null): string[] {
  return [...expire(former.prefixes, domain), ...expiredEdgeGrants(domain), ...expiredRenewals(former.renewals, domain)]
}

function expire(prefixes: readonly ResourcePrefix[], domain: string | null): string[] {
  return prefixes.flatMap((prefix) => expiredGrantCookies(prefix, domain))
}

function sessionResponse(
  grants: readonly Grant[],
  now: number,
  expires: number,
  cookies: readonly string[],
): HttpResponse {
  const body = {
    expiresAt: rfc3339(expires),
    refreshAt: rfc3339(refreshAt(now, expires)),
    prefixes: grants.map(({ prefix }) => prefix),
  }
  return {
    status: 200,
    headers: [['content-type', 'application/json'], ['x-content-type-options', 'nosniff'], ...cookieHeaders(cookies)],
    body: JSON.stringify(body),
  }
}
