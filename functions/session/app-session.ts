import { GrantError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { readSessionToken, type Session } from '../../shared/session/session.ts'
import type { SessionServices } from './services.ts'

/**
 * Returns the app session of a request after every check but revocation, which depends on the grants.
 *
 * @throws SessionError; ServiceError.
 */
export async function verifiedSession(
  request: HttpRequest,
  cookies: RequestCookies,
  services: SessionServices,
  now: number,
): Promise<Session> {
  const unverifiedToken = readSessionToken(request, services.config.session.cookieName, cookies)
  // Needed by whoever goes on with the session, and fetched beside the app's keys by a cold function. A failure is met there.
  for (const load of [services.keys, services.revocations]) load(now).catch(() => {})
  return services.verifier.verify(unverifiedToken, now)
}

/**
 * Returns true if the request's app session belongs to a user with no grant for the path: another user has signed in, and the
 * cookies of the one before are still in the browser. Without this they would open that user's files until they expire.
 *
 * The token is not verified here. It can only end the use of the cookies, and is verified after that.
 */
export function isOfOtherUser(request: HttpRequest, cookies: RequestCookies, services: SessionServices): boolean {
  const { session, templates } = services.config
  try {
    const [, payload = ''] = readSessionToken(request, session.cookieName, cookies).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const { prefixes } = grantsFor({ sub: claims.sub, claims }, templates, services.grantLimit)
    return !prefixes.some((prefix) => request.path.startsWith(prefix))
  } catch (error) {
    // A session without any grant is one of another user. A session that is missing or unreadable is not.
    return error instanceof GrantError
  }
}
