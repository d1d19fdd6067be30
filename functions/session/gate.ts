import type { ReadRules } from '../../shared/config/read-rules.ts'
import { GrantError, SessionError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import { type RequestCookies, readCookies } from '../../shared/http/cookies.ts'
import { preflightResponse } from '../../shared/http/cors.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { isNavigation } from '../../shared/http/navigation.ts'
import { isSessionRevoked, revokedBefore } from '../../shared/revocation/state.ts'
import { isBearer } from '../../shared/session/session.ts'
import { type Credentials, judgeCredentials } from './credentials.ts'
import type { EdgeRequest, Passage } from './event.ts'
import { checkFileRequest, fileMethods } from './file-request.ts'
import { issuedAt } from './grant-signing.ts'
import { dropsCookies, wasJustRenewed } from './loop-guard.ts'
import { isOfOtherUser } from './other-user.ts'
import { policyHost } from './policy-host.ts'
import { refreshAt } from './refresh-at.ts'
import { renew } from './renewal.ts'
import type { SessionServices } from './services.ts'
import { verifiedSession } from './verified-session.ts'

/** What a page may send with a read beside the safelisted headers. */
const readHeaders = 'Authorization, If-Modified-Since, If-None-Match, If-Range, Range'

/**
 * Stands in for CloudFront's key group and for the guard on the private behaviours of a stage in `gate` mode:
 *
 * 1. A request that breaks a rule of the files is refused, whoever sends it.
 * 2. A signed URL is let through or refused by what it says alone.
 * 3. Good cookies are let through, unless the app session beside them is of another user.
 * 4. Otherwise the app session decides. Sent as Bearer it is let through; sent as a cookie it gets fresh CloudFront cookies
 *    and is sent to the same URL again. Also where good cookies are past their `refreshAt`, but then failing is no harm.
 *
 * @throws RequestError, SessionError, GrantError, ServiceError: whatever is not let through here is refused.
 */
export async function guardFile(
  edge: EdgeRequest,
  rules: ReadRules,
  services: SessionServices,
  now: number,
): Promise<HttpResponse | Passage> {
  const { request } = edge
  const prefixes = checkFileRequest(request, rules)
  if (request.method === 'OPTIONS') {
    return preflightResponse(request.headers.origin, services.isAllowedOrigin, fileMethods, readHeaders)
  }
  const cookies = readCookies(request.headers.cookie)
  const trust = { keys: () => services.keys(now), revocations: () => services.revocations(now) }
  const credentials = await judgeCredentials(request, cookies, prefixes, trust, now)
  const isGood = credentials.verdict === 'good'
  const isOthers = isGood && credentials.source === 'cookies' && isOfOtherUser(request, cookies, services)
  if (isGood && !isOthers && !isDue(credentials, services, now)) return passage(credentials)
  if (credentials.verdict !== 'none' && credentials.source === 'url') throw refusalOf(credentials)
  try {
    return await admitSession(edge, cookies, credentials, services, now)
  } catch (error) {
    if (isGood && !(isOthers && error instanceof GrantError)) return passage(credentials)
    throw explain(error, edge, credentials)
  }
}

/** A signed URL is never renewed: it has no session behind it that we know. */
function isDue(credentials: Credentials & { verdict: 'good' }, { config }: SessionServices, now: number): boolean {
  const { policy, source } = credentials
  const issued = issuedAt(policy, config.session.clockSkewSeconds)
  return source === 'cookies' && issued !== undefined && now >= refreshAt(issued, policy.expires)
}

async function admitSession(
  edge: EdgeRequest,
  cookies: RequestCookies,
  credentials: Credentials,
  services: SessionServices,
  now: number,
): Promise<HttpResponse | Passage> {
  const { request } = edge
  const session = await verifiedSession(request, cookies, services, now)
  const [keys, revocations] = await Promise.all([services.keys(now), services.revocations(now)])
  const grants = grantsFor(session, services.config.templates, services.grantLimit)
  if (isSessionRevoked(revocations, session, grants)) throw new SessionError('ERR_SESSION_REVOKED')
  const grant = grants.find(({ prefix }) => request.path.startsWith(prefix))
  if (grant === undefined) throw new GrantError('ERR_RETURN_NOT_GRANTED')
  // Whoever sends a Bearer token sends it each time, and may keep no cookies.
  if (isBearer(request)) return { querystring: request.querystring }

  const expires = Math.min(now + services.config.cookies.ttlSeconds, session.expiresAt)
  // New cookies would end no later than these.
  if (credentials.verdict === 'good' && expires <= credentials.policy.expires) return passage(credentials)
  // Cookies of this second would be refused as well, and the browser sent round in circles.
  if (now <= (revokedBefore(revocations, request.path) ?? -1)) throw new GrantError('ERR_ACCESS_REVOKED')
  if (dropsCookies(request) || wasJustRenewed(cookies, request.path, session)) {
    throw credentials.verdict === 'none' ? new GrantError('ERR_NO_COOKIES') : refusalOf(credentials)
  }
  return renew({ request, session, grant, host: policyHost(services.config, edge), now, expires }, keys, services)
}

function passage({ querystring }: Credentials & { verdict: 'good' }): Passage {
  return { querystring }
}

function refusalOf(credentials: Credentials): GrantError {
  return new GrantError(credentials.verdict === 'revoked' ? 'ERR_ACCESS_REVOKED' : 'ERR_SIGNATURE')
}

/**
 * Which of two failures to tell: that of the cookies that came, or that of the session that did not make up for them. Being
 * signed out is told where a person can sign in; a program that shows cookies asks what is wrong with those.
 */
function explain(error: unknown, { request }: EdgeRequest, credentials: Credentials): unknown {
  const isAboutViewer = error instanceof SessionError || error instanceof GrantError
  if (!isAboutViewer || credentials.verdict === 'none') return error
  if (credentials.verdict === 'revoked') return refusalOf(credentials)
  return error.code === 'ERR_SESSION_MISSING' && !isNavigation(request) ? refusalOf(credentials) : error
}
