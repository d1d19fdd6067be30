import { expiredGrantCookies } from '../../shared/cloudfront/cookies.ts'
import { policyHost } from '../../shared/config/cdn-hosts.ts'
import { GrantError, SessionError } from '../../shared/errors.ts'
import {
  edgeGrantsCookies,
  edgeGrantsValue,
  expiredRenewals,
  type FormerGrants,
  prefixesOfFormer,
  readFormerGrants,
} from '../../shared/grant/edge-grants.ts'
import { grantsFor, type SessionGrants } from '../../shared/grant/grants-for.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { rfc3339 } from '../../shared/http/rfc3339.ts'
import type { CookieReach } from '../../shared/http/set-cookie.ts'
import { isNavigation } from '../../shared/read/fetch-metadata.ts'
import { isSessionRevoked, stampTime } from '../../shared/revocation/state.ts'
import type { ReturnAddress } from '../../shared/session/return-address.ts'
import type { Session } from '../../shared/session/session.ts'
import { issueTime } from '../../shared/session/sign-out-marker.ts'
import { verifiedSession } from './app-session.ts'
import type { EdgeRequest } from './event.ts'
import { clearGrants, fitsOneResponse, refreshAt, signGrants } from './grant-cookies.ts'
import { logUnusable, MintRefusal } from './refusal.ts'
import { askAgain, cookieHeaders, mintedPage, redirect } from './responses.ts'
import { readReturnTarget, servedLocation } from './return-target.ts'
import type { SessionServices } from './services.ts'

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
  const host = policyHost(config.hosts, edge)
  const received = readCookies(request.headers.cookie)
  const session = await verifiedSession(request, received, services, now)
  const [keys, revocations] = await Promise.all([services.keys(now), services.revocations(now)])

  const former = readFormerGrants(received, keys.stampKey)
  const { prefixes, unusable } = grantsOf(session, services, former)
  logUnusable(unusable, edge.requestId)
  if (isSessionRevoked(revocations, session, prefixes)) throw new SessionError('ERR_SESSION_REVOKED')
  const dropped = prefixesOfFormer(former).filter((prefix) => !prefixes.includes(prefix))
  const location = target && locationFor(target, prefixes, dropped, services)

  const expires = Math.min(now + config.cookies.ttlSeconds, session.expiresAt)
  const issued = issueTime(received, keys.stampKey, now)
  const value = edgeGrantsValue(prefixes, keys.stampKey)
  const stamped = stampTime(revocations, now)
  const fresh = [
    ...(await signGrants(
      prefixes,
      { host, now, issued, stamped, expires, clientIp: request.clientIp },
      keys,
      services,
    )),
    ...edgeGrantsCookies(value, expires - now, config.cookies),
  ]
  const cookies = [
    ...expire(dropped, config.cookies),
    ...fresh,
    ...expiredRenewals(
      former.renewals.map(({ name }) => name),
      config.cookies,
    ),
  ]
  if (!fitsOneResponse(cookies)) {
    if (!fitsOneResponse(fresh)) throw refusal(new GrantError('ERR_GRANT_TOO_MANY'), former, config.cookies)
    // The old ones go first. Each time their lists go with them, so the requests come to an end.
    return askAgain(request, clearGrants(former, config.cookies))
  }
  if (!isNavigation(request)) return sessionResponse(prefixes, now, expires, cookies)
  return location === undefined ? mintedPage(cookieHeaders(cookies), config) : redirect(303, location, cookies)
}

/** Returns the address to go on to. A refusal still clears cookies of grants that the session no longer has. */
function locationFor(
  target: ReturnAddress,
  prefixes: readonly ResourcePrefix[],
  dropped: readonly ResourcePrefix[],
  services: SessionServices,
): string {
  try {
    return servedLocation(target, prefixes, services)
  } catch (error) {
    if (!(error instanceof GrantError)) throw error
    throw new MintRefusal(error, expireFirst(dropped, services.config.cookies))
  }
}

/** A session without grants must not go on with those of the one before it. */
function grantsOf(session: Session, services: SessionServices, former: FormerGrants): SessionGrants {
  try {
    return grantsFor(session, services.config.templates, services.grantLimit)
  } catch (error) {
    throw error instanceof GrantError ? refusal(error, former, services.config.cookies) : error
  }
}

function refusal(cause: GrantError, former: FormerGrants, reach: CookieReach): MintRefusal {
  return new MintRefusal(cause, prefixesOfFormer(former).length === 0 ? [] : clearGrants(former, reach))
}

function expire(prefixes: readonly ResourcePrefix[], reach: CookieReach): string[] {
  return prefixes.flatMap((prefix) => expiredGrantCookies(prefix, reach))
}

/** As many of the prefixes as one response can carry. The lists stay, so the next mint deletes the rest. */
function expireFirst(prefixes: readonly ResourcePrefix[], reach: CookieReach): string[] {
  const lines: string[] = []
  for (const prefix of prefixes) {
    const more = expiredGrantCookies(prefix, reach)
    if (fitsOneResponse([...lines, ...more])) lines.push(...more)
  }
  return lines
}

function sessionResponse(
  prefixes: readonly ResourcePrefix[],
  now: number,
  expires: number,
  cookies: readonly string[],
): HttpResponse {
  const body = {
    expiresAt: rfc3339(expires),
    refreshAt: rfc3339(refreshAt(now, expires)),
    prefixes,
  }
  return {
    status: 200,
    headers: [['content-type', 'application/json'], ['x-content-type-options', 'nosniff'], ...cookieHeaders(cookies)],
    body: JSON.stringify(body),
  }
}
