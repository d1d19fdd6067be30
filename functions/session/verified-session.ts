import { SessionError } from '../../shared/errors.ts'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { readSessionToken, type Session } from '../../shared/session/session.ts'
import type { SessionServices } from './services.ts'

/**
 * The app session of a request, after every check but revocation, for which its grants must be known.
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
  const session = await services.verifier.verify(unverifiedToken, now)
  // The skew forgives a clock, not a policy that would be dead on arrival.
  if (session.expiresAt <= now) throw new SessionError('ERR_SESSION_EXPIRED')
  return session
}
