import { GrantError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { readSessionToken } from '../../shared/session/session.ts'
import type { SessionServices } from './services.ts'

/**
 * Whether the app session that came along is of somebody whom no grant opens the path: another user has signed in, and the
 * cookies of the one before are still in the browser. Without this they would open that user's files until they expire.
 *
 * The token is not verified here: what it says may only take the cookies' word away, and then it is verified.
 */
export function isOfOtherUser(request: HttpRequest, cookies: RequestCookies, services: SessionServices): boolean {
  const { session, templates } = services.config
  try {
    const [, payload = ''] = readSessionToken(request, session.cookieName, cookies).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const grants = grantsFor({ sub: claims.sub, claims }, templates, services.grantLimit)
    return !grants.some(({ prefix }) => request.path.startsWith(prefix))
  } catch (error) {
    // A session that grants nothing at all is somebody's; none, or one that cannot be read, is nobody's.
    return error instanceof GrantError
  }
}
