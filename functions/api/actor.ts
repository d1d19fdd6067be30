import type { MiddlewareHandler } from 'hono'
import type { Actor } from '../../shared/assets/access.ts'
import { EdgeSignerError, RequestError, SessionError } from '../../shared/errors.ts'
import { grantsFor, type SessionGrants } from '../../shared/grant/grants-for.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { isSessionRevoked } from '../../shared/revocation/state.ts'
import { isBearer, readSessionToken, type Session } from '../../shared/session/session.ts'
import type { ApiServices } from './services.ts'

/** Context of every handler behind `authenticate`. */
export interface ApiEnv {
  Variables: { actor: Actor; now: number }
}

/**
 * Admits a request with a good app session only, by the same code as the edge: cookie or Bearer, grants, revocation.
 *
 * With a cookie, a state change must also come from an allowed origin, because a browser adds the cookie to requests of any
 * site. A missing `Origin` is refused too: browsers send it with every POST and DELETE
 * (https://fetch.spec.whatwg.org/#origin-header), and programs use Bearer. A POST must be JSON, which no form can send.
 */
export function authenticate(services: ApiServices): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const now = services.now()
    const headers = Object.fromEntries(context.req.raw.headers)
    const { method } = context.req
    requireOwnOrigin(method, headers, services)
    context.set('actor', await readActor(headers, now, services))
    context.set('now', now)
    if (method === 'POST' && !/^application\/json(\s*;|$)/i.test(headers['content-type'] ?? '')) {
      throw new RequestError('ERR_MEDIA_TYPE')
    }
    await next()
  }
}

/**
 * Refuses a state change that another site may have caused: one with the session cookie and without an allowed `Origin`.
 *
 * @throws RequestError `ERR_ORIGIN_REQUIRED`.
 */
export function requireOwnOrigin(
  method: string,
  headers: HttpRequest['headers'],
  { config, readers }: Pick<ApiServices, 'config' | 'readers'>,
): void {
  if (method === 'GET' || method === 'HEAD' || isBearer({ headers })) return
  if (!readCookies(headers.cookie).has(config.session.cookieName)) return
  if (headers.origin === undefined || !readers.isAllowed(headers.origin)) throw new RequestError('ERR_ORIGIN_REQUIRED')
}

/** Returns the actor of a request. @throws SessionError; GrantError if a claim cannot be used. */
export async function readActor(headers: HttpRequest['headers'], now: number, services: ApiServices): Promise<Actor> {
  const token = readSessionToken({ headers }, services.config.session.cookieName)
  const session = await services.verifier.verify(token, now)
  const { rights, prefixes } = grantsOf(session, services)
  // The whole session is refused, as at the edge. A user who lost one prefix signs in again and keeps the others.
  if (isSessionRevoked(await services.revocations(now), session, prefixes))
    throw new SessionError('ERR_SESSION_REVOKED')
  return { sub: session.sub, grants: rights, scopes: scopesOf(session) }
}

/** Returns no grants for a session that grants nothing: with the scope it can still act below `public/`. */
function grantsOf(session: Session, { config }: ApiServices): Pick<SessionGrants, 'rights' | 'prefixes'> {
  try {
    return grantsFor(session, config.grants, config.grantLimit)
  } catch (error) {
    if (error instanceof EdgeSignerError && error.code === 'ERR_GRANT_NONE') return { rights: [], prefixes: [] }
    throw error
  }
}

/** `scope` is a list with spaces (RFC 8693 section 4.2), `scp` and `permissions` are arrays at some providers. */
function scopesOf({ claims }: Session): ReadonlySet<string> {
  const lists = ['scope', 'scp', 'permissions'].map((name) => (Object.hasOwn(claims, name) ? claims[name] : undefined))
  return new Set(lists.flatMap((list) => (typeof list === 'string' ? list.split(' ') : list)).filter(isText))
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
