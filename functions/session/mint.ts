import { expiredGrantCookies, grantCookies } from '../../shared/cloudfront/cookies.ts'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { type ErrorCode, GrantError, SessionError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { Grant, ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { isNavigation } from '../../shared/http/navigation.ts'
import { type KeyDocument, newestUsableKey } from '../../shared/keys/key-document.ts'
import { issueStamp } from '../../shared/revocation/stamp.ts'
import { isSessionRevoked } from '../../shared/revocation/state.ts'
import {
  edgeGrantsCookies,
  edgeGrantsName,
  edgeGrantsValue,
  expiredEdgeGrants,
  readEdgeGrants,
} from '../../shared/session/edge-grants.ts'
import { readSessionToken, type Session } from '../../shared/session/session.ts'
import type { EdgeRequest } from './event.ts'
import { policyHost } from './policy-host.ts'
import { MintRefusal } from './refusal.ts'
import { isServed, readReturnTarget } from './return-target.ts'
import type { SessionServices } from './services.ts'

/** What browsers and CloudFront take in one response, with room for the other headers. */
const mostLines = 47
const mostBytes = 32 * 1024 - 2048

/**
 * Turns the app session of a request into CloudFront's cookies: 200 with the times and prefixes, or, for a navigation with
 * `return`, 303 to there.
 *
 * @throws SessionError, GrantError, RequestError, ServiceError.
 */
export async function mintSession(edge: EdgeRequest, services: SessionServices, now: number): Promise<HttpResponse> {
  const { request } = edge
  const { config } = services
  const target = readReturnTarget(request, services)
  const host = policyHost(config, edge)
  const received = readCookies(request.headers.cookie)
  const unverifiedToken = readSessionToken(request, config.session.cookieName, received)
  const session = await services.verifier.verify(unverifiedToken, now)
  // The skew forgives a clock, not a policy that would be dead on arrival.
  if (session.expiresAt <= now) throw new SessionError('ERR_SESSION_EXPIRED')
  const [keys, revocations] = await Promise.all([services.keys(now), services.revocations(now)])

  const former = readEdgeGrants(received.get(edgeGrantsName), keys.stampKey, services.grantLimit)
  const grants = grantsOf(session, services, former)
  if (isSessionRevoked(revocations, session, grants)) throw new SessionError('ERR_SESSION_REVOKED')
  const dropped = former.filter((prefix) => !grants.some((grant) => grant.prefix === prefix))
  if (target !== undefined && !isServed(target, grants, services)) {
    throw new MintRefusal('ERR_RETURN_NOT_GRANTED', expire(dropped, config.cookies.domain))
  }

  const expires = Math.min(now + config.cookies.ttlSeconds, session.expiresAt)
  const cookies = [
    ...expire(dropped, config.cookies.domain),
    ...(await signCookies(grants, { host, now, expires, clientIp: request.clientIp }, keys, services)),
  ]
  if (cookies.length > mostLines || byteLength(cookies) > mostBytes) throw tooMany(former, config.cookies.domain)
  return isNavigation(request) && target !== undefined
    ? redirect(target.location, cookies)
    : sessionResponse(grants, now, expires, cookies)
}

/** A session without grants must not go on with those of the one before it. */
function grantsOf(session: Session, services: SessionServices, former: readonly ResourcePrefix[]): Grant[] {
  try {
    return grantsFor(session, services.templates, services.grantLimit)
  } catch (error) {
    throw error instanceof GrantError ? refusal(error.code, former, services.config.cookies.domain) : error
  }
}

/**
 * New cookies and the deletion of old ones may be too many together although each would fit. The refusal deletes the old ones, so
 * that the next try has room.
 */
function tooMany(former: readonly ResourcePrefix[], domain: string | null): MintRefusal {
  return refusal('ERR_GRANT_TOO_MANY', former, domain)
}

function refusal(code: ErrorCode, former: readonly ResourcePrefix[], domain: string | null): MintRefusal {
  return new MintRefusal(code, former.length === 0 ? [] : [...expire(former, domain), ...expiredEdgeGrants(domain)])
}

function expire(prefixes: readonly ResourcePrefix[], domain: string | null): string[] {
  return prefixes.flatMap((prefix) => expiredGrantCookies(prefix, domain))
}

interface MintTerms {
  readonly host: string
  readonly now: number
  readonly expires: number
  readonly clientIp: string
}

async function signCookies(
  grants: readonly Grant[],
  { host, now, expires, clientIp }: MintTerms,
  keys: KeyDocument,
  { config, signerOf }: SessionServices,
): Promise<string[]> {
  const { domain, ipBinding } = config.cookies
  const signer = signerOf(newestUsableKey(keys, now))
  const maxAge = expires - now
  // An edge location's clock may be behind ours.
  const conditions = {
    notBefore: now - config.session.clockSkewSeconds,
    expires,
    ipAddress: ipBinding ? clientIp : undefined,
  }
  const lines = await Promise.all(
    grants.map(async ({ prefix }) => {
      const signed = await signer.sign(customPolicy({ host, prefix, ...conditions }))
      return grantCookies(signed, issueStamp(keys.stampKey, host, prefix, now), { prefix, maxAge, domain })
    }),
  )
  const prefixes = grants.map(({ prefix }) => prefix)
  return [...lines.flat(), ...edgeGrantsCookies(edgeGrantsValue(prefixes, keys.stampKey), maxAge, domain)]
}

function byteLength(cookies: readonly string[]): number {
  return cookies.reduce((bytes, line) => bytes + line.length + 'set-cookie: \r\n'.length, 0)
}

/** 303 turns a POST into a GET (RFC 9110 section 15.4.4). */
function redirect(location: string, cookies: readonly string[]): HttpResponse {
  return { status: 303, headers: [['location', location], ...answerHeaders(cookies)], body: '' }
}

function sessionResponse(
  grants: readonly Grant[],
  now: number,
  expires: number,
  cookies: readonly string[],
): HttpResponse {
  const body = {
    expiresAt: rfc3339(expires),
    refreshAt: rfc3339(now + Math.floor((expires - now) * 0.8)),
    prefixes: grants.map(({ prefix }) => prefix),
  }
  return {
    status: 200,
    headers: [['content-type', 'application/json'], ['x-content-type-options', 'nosniff'], ...answerHeaders(cookies)],
    body: JSON.stringify(body),
  }
}

function answerHeaders(cookies: readonly string[]): HttpResponse['headers'] {
  return [['cache-control', 'no-store'], ...cookies.map((line) => ['set-cookie', line] as const)]
}

/** Whole seconds, UTC. */
function rfc3339(epoch: number): string {
  return `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`
}
