import { createHash } from 'node:crypto'
import { isSignedUrl } from '../../shared/cloudfront/signed-request.ts'
import { policyHost } from '../../shared/config/cdn-hosts.ts'
import { GrantError, RequestError, SessionError } from '../../shared/errors.ts'
import { edgeGrantsValue, renewedGrantsCookie } from '../../shared/grant/edge-grants.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import { type RequestCookies, readCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { cookieAttributes, type SameSite, setCookie } from '../../shared/http/set-cookie.ts'
import type { KeyDocument } from '../../shared/keys/key-document.ts'
import { canonicalAddress, checkRead, readMethods } from '../../shared/read/check-read.ts'
import { preflightResponse } from '../../shared/read/cors.ts'
import { isNavigation } from '../../shared/read/fetch-metadata.ts'
import { isSessionRevoked, revokedBefore, stampTime } from '../../shared/revocation/state.ts'
import { isBearer, type Session } from '../../shared/session/session.ts'
import { issueTime, signedOutUntil } from '../../shared/session/sign-out-marker.ts'
import { isOfOtherUser, verifiedSession } from './app-session.ts'
import { type Credentials, judgeCredentials } from './credentials.ts'
import type { EdgeRequest, Passage } from './event.ts'
import { issuedAt, refreshAt, signGrants } from './grant-cookies.ts'
import { logUnusable, MethodRefusal } from './refusal.ts'
import { askAgain } from './responses.ts'
import type { SessionServices } from './services.ts'

/**
 * Stands in for CloudFront's key group and for the guard on the private behaviours of a stage in `gate` mode:
 *
 * 1. A request that breaks a rule of the files is refused, with any credentials. A navigation whose path only lacks the encoding
 *    of its prefix is redirected to the encoded address.
 * 2. A signed URL is let through or refused by what it says alone.
 * 3. Good cookies are let through, unless the app session beside them is of another user. Cookies from before a sign-out are none.
 * 4. Otherwise the app session decides. Sent as Bearer it is let through; sent as a cookie it gets fresh CloudFront cookies
 *    and is sent to the same URL again. Also where good cookies are past their `refreshAt`, but then failing is no harm.
 *
 * @throws RequestError, SessionError, GrantError, ServiceError: whatever is not let through here is refused.
 */
export async function guardFile(
  edge: EdgeRequest,
  services: SessionServices,
  now: number,
): Promise<HttpResponse | Passage> {
  const { request } = edge
  const prefixes = checkFileRequest(request, services)
  if (typeof prefixes === 'string') return askAgain({ ...request, path: prefixes }, [])
  if (request.method === 'OPTIONS') {
    return preflightResponse(request.headers.origin, services.readers, readMethods)
  }
  const cookies = readCookies(request.headers.cookie)
  const { verifySignature } = services
  const trust = { keys: () => services.keys(now), revocations: () => services.revocations(now), verifySignature }
  const shown = await judgeCredentials(request, cookies, prefixes, trust, now)
  const credentials = await withoutSignedOut(shown, cookies, services, now)
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

/**
 * The credentials, or none where they are cookies from before a sign-out of this browser. A signed URL never is: it is no
 * cookie. Neither are cookies whose policy has no `DateGreaterThan`: those were signed elsewhere, and only their maker can
 * end them.
 */
async function withoutSignedOut(
  credentials: Credentials,
  cookies: RequestCookies,
  services: SessionServices,
  now: number,
): Promise<Credentials> {
  if (credentials.verdict !== 'good' || credentials.source !== 'cookies') return credentials
  const { stampKey } = await services.keys(now)
  const until = signedOutUntil(cookies, stampKey)
  const issued = issuedAt(credentials.policy, services.config.session.clockSkewSeconds)
  const isOver = until !== undefined && issued !== undefined && issued <= until
  return isOver ? { verdict: 'none' } : credentials
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
  const { prefixes, unusable } = grantsFor(session, services.config.templates, services.grantLimit)
  if (isSessionRevoked(revocations, session, prefixes)) throw new SessionError('ERR_SESSION_REVOKED')
  const prefix = prefixes.find((granted) => request.path.startsWith(granted))
  logUnusable(unusable, edge.requestId)
  if (prefix === undefined) throw new GrantError('ERR_RETURN_NOT_GRANTED')
  // A client with a Bearer token sends it each time, and may keep no cookies.
  if (isBearer(request)) return { querystring: request.querystring }

  const expires = Math.min(now + services.config.cookies.ttlSeconds, session.expiresAt)
  // New cookies would end no later than these.
  if (credentials.verdict === 'good' && expires <= credentials.policy.expires) return passage(credentials)
  // Cookies of this second would be refused as well, and the browser sent round in circles.
  const stamped = stampTime(revocations, now)
  if (stamped <= (revokedBefore(revocations, request.path) ?? -1)) throw new GrantError('ERR_ACCESS_REVOKED')
  if (dropsCookies(request, services) || wasJustRenewed(cookies, request.path, session)) {
    throw credentials.verdict === 'none' ? new GrantError('ERR_NO_COOKIES') : refusalOf(credentials)
  }
  const issued = issueTime(cookies, keys.stampKey, now)
  return renew(
    { request, session, prefix, host: policyHost(services.config.hosts, edge), now, issued, stamped, expires },
    keys,
    services,
  )
}

function passage({ querystring }: Credentials & { verdict: 'good' }): Passage {
  return { querystring }
}

function refusalOf(credentials: Credentials): GrantError {
  return new GrantError(credentials.verdict === 'revoked' ? 'ERR_ACCESS_REVOKED' : 'ERR_SIGNATURE')
}

/**
 * Which of two failures to tell: that of the cookies that came, or that of the session that did not make up for them. Being
 * signed out gets the address to sign in at; a program that shows cookies asks what is wrong with those.
 */
function explain(error: unknown, { request }: EdgeRequest, credentials: Credentials): unknown {
  const isAboutViewer = error instanceof SessionError || error instanceof GrantError
  if (!isAboutViewer || credentials.verdict === 'none') return error
  if (credentials.verdict === 'revoked') return refusalOf(credentials)
  return error.code === 'ERR_SESSION_MISSING' && !isNavigation(request) ? refusalOf(credentials) : error
}

/**
 * Checks a request for a file against the rules of every read (`checkRead`), as the guard does elsewhere: no CloudFront
 * Function may join this one on its behaviours.
 *
 * @returns the prefixes of the path at the depths of the grant templates, or the path to redirect to.
 * @throws RequestError with the guard's codes.
 */
function checkFileRequest(request: HttpRequest, { config: { rules } }: SessionServices): readonly string[] | string {
  const { method, path, headers } = request
  const field = (name: string) => {
    const value = headers[name]
    return value === undefined ? undefined : { value }
  }
  // Several lines of one field arrive joined with commas, which no rule takes for one value.
  const checked = checkRead({ method, path, range: field('range'), destination: field('sec-fetch-dest') }, rules)
  if (typeof checked !== 'string') return checked
  // Not a signed URL: its signature covers the path as it was sent.
  if (checked === 'ERR_PATH_RESERVED' && isNavigation(request) && !isSignedUrl(request.querystring)) {
    const address = canonicalAddress(path, rules)
    if (address !== undefined) return address
  }
  throw checked === 'ERR_METHOD_NOT_ALLOWED' ? new MethodRefusal(readMethods) : new RequestError(checked)
}

/** Input of a renewal. `prefix` is the granted one of the request's path. Times in epoch seconds. */
interface RenewalInput {
  readonly request: HttpRequest
  readonly session: Session
  readonly prefix: ResourcePrefix
  readonly host: string
  readonly now: number
  /** Time of issue in the policy (`issueTime`). */
  readonly issued: number
  /** Time in the stamp (`stampTime`). */
  readonly stamped: number
  readonly expires: number
}

/**
 * Redirects to the same URL with fresh cookies for the grant that covers it. The other grants renew when they are used.
 */
async function renew(input: RenewalInput, keys: KeyDocument, services: SessionServices): Promise<HttpResponse> {
  const { request, session, prefix, host, now, issued, stamped, expires } = input
  const reach = services.config.cookies
  const lines = [
    ...(await signGrants(
      [prefix],
      { host, now, issued, stamped, expires, clientIp: request.clientIp },
      keys,
      services,
    )),
    renewedGrantsCookie(edgeGrantsValue([prefix], keys.stampKey), expires - now, reach),
    renewalMarker(request.path, session, prefix, expires - now, reach.sameSite),
  ]
  return askAgain(request, lines)
}

/** Name of the cookie that marks an address as renewed a moment ago. */
const markerName = 'edge-renewed'

/** Max age in seconds: longer than a redirect takes, shorter than a user waits before trying again. */
const maxMarkerAge = 10

/**
 * Returns the `Set-Cookie` line that marks a renewal, so that the next request for the address is not renewed again. The
 * marker is bound to the address and to the session: another file, or another sign-in, has its own attempt.
 *
 * Unlike every other cookie it has no `Secure`: a browser that drops `Secure` cookies (Safari on http://localhost) must get
 * a reason instead of a redirect loop. A planted marker causes a refusal for 10 seconds. `SameSite=None` requires `Secure`.
 *
 * @param address path of the request.
 * @param prefix prefix of the grant, so that the marker is sent wherever the new cookies are.
 * @param lifetime of the new cookies in seconds. A marker that outlived them would refuse their renewal.
 */
function renewalMarker(
  address: string,
  session: Session,
  prefix: string,
  lifetime: number,
  sameSite: SameSite,
): string {
  const maxAge = Math.min(maxMarkerAge, lifetime)
  const attributes = cookieAttributes({ path: prefix, maxAge, domain: null, sameSite, secure: sameSite === 'None' })
  return setCookie(markerName, markerValue(address, session), attributes)
}

/**
 * Returns true if the browser would drop the cookies of a renewal together with the marker, and so follow redirects until it
 * gives up. A page of another site may send a `SameSite=None` session, but the cookies that it receives are `Lax`
 * (draft-ietf-httpbis-rfc6265bis, "The SameSite Attribute"), unless the stage makes them `None`. Opening the address itself is no such
 * request.
 */
function dropsCookies({ headers }: HttpRequest, { config }: SessionServices): boolean {
  return (
    config.cookies.sameSite === 'Lax' &&
    headers['sec-fetch-site'] === 'cross-site' &&
    headers['sec-fetch-dest'] !== 'document'
  )
}

/** Returns true if the browser comes from a renewal of this very address. */
function wasJustRenewed(cookies: RequestCookies, address: string, session: Session): boolean {
  return cookies.get(markerName)?.includes(markerValue(address, session)) ?? false
}

function markerValue(address: string, { sub, issuedAt }: Session): string {
  return createHash('sha256')
    .update(JSON.stringify([address, sub, issuedAt ?? null]))
    .digest('base64url')
    .slice(0, 22)
}
