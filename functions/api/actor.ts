import type { MiddlewareHandler } from 'hono'
import { EdgeSignerError, RequestError, SessionError } from '../../shared/errors.ts'
import { grantsFor } from '../../shared/grant/grants-for.ts'
import type { Grant } from '../../shared/grant/resource-prefix.ts'
import { readCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { isSessionRevoked } from '../../shared/revocation/state.ts'
import { isBearer, readSessionToken, type Session } from '../../shared/session/session.ts'
import type { ApiServices } from './services.ts'

/** Who acts, and below which prefixes. */
export interface Actor {
  readonly session: Session
  readonly grants: readonly Grant[]
  readonly scopes: ReadonlySet<string>
}

/** What every handler behind `authenticate` finds in its context. */
export interface ApiEnv {
  Variables: { actor: Actor; now: number }
}

/**
 * Lets a request through with a good app session only, by the same code as the edge: cookie or Bearer, grants, revocation.
 *
 * With a cookie, a request that changes something must also come from an allowed origin: the browser adds the cookie to
 * whatever site makes the request. A missing `Origin` is refused too; browsers send it with every POST and DELETE
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
 * Refuses a change that a browser may have been made to ask for: one whose session would be the cookie's.
 *
 * @throws RequestError `ERR_ORIGIN_REQUIRED`.
 */
export function requireOwnOrigin(
  method: string,
  headers: HttpRequest['headers'],
  { config, isAllowedOrigin }: Pick<ApiServices, 'config' | 'isAllowedOrigin'>,
): void {
  if (method === 'GET' || method === 'HEAD' || isBearer({ headers })) return
  if (!readCookies(headers.cookie).has(config.session.cookieName)) return
  if (headers.origin === undefined || !isAllowedOrigin(headers.origin)) throw new RequestError('ERR_ORIGIN_REQUIRED')
}

/** Whose session came with a request. @throws SessionError; GrantError where a claim cannot be used. */
export async function readActor(headers: HttpRequest['headers'], now: number, services: ApiServices): Promise<Actor> {
  const token = readSessionToken({ headers }, services.config.session.cookieName)
  const session = await services.verifier.verify(token, now)
  const grants = grantsOf(session, services)
  // The whole session, as at the edge: whoever lost one prefix signs in again, and then sees what is left.
  if (isSessionRevoked(await services.revocations(now), session, grants)) throw new SessionError('ERR_SESSION_REVOKED')
  return { session, grants, scopes: scopesOf(session) }
}

/** A session that grants nothing can still act below `public/` where it has the scope. */
function grantsOf(session: Session, { templates, config }: ApiServices): readonly Grant[] {
  try {
    return grantsFor(session, templates, config.grantLimit)
  } catch (error) {
    if (error instanceof EdgeSignerError && error.code === 'ERR_GRANT_NONE') return []
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
