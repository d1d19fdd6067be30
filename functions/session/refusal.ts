import {
  type EdgeErrorCode,
  type ErrorCode,
  edgeCodeOf,
  GrantError,
  problems,
  RequestError,
  reasonOf,
  type SessionReason,
} from '../../shared/errors.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import type { PageAction } from '../../shared/http/page.ts'
import { isNavigation } from '../../shared/read/fetch-metadata.ts'
import { problemResponse } from '../../shared/read/problem-response.ts'
import type { EdgeRequest } from './event.ts'
import { isFramed, redirect, refusalPage } from './responses.ts'
import { addressWanted, isBackFromLogin, loginLocation } from './return-target.ts'
import type { SessionServices } from './services.ts'

/** The session is valid but mints nothing. Cookies of previous mints that are not its own are still cleared. */
export class MintRefusal extends GrantError {
  readonly setCookie: readonly string[]

  constructor({ code, claim }: GrantError, setCookie: readonly string[]) {
    super(code, undefined, claim)
    this.setCookie = setCookie
  }
}

/** A method that the address does not have; RFC 9110 section 15.5.6 wants those that it has in `Allow`. */
export class MethodRefusal extends RequestError {
  readonly allow: string

  constructor(allow: string) {
    super('ERR_METHOD_NOT_ALLOWED')
    this.allow = allow
  }
}

/** Codes that signing in again can resolve. With the others the login page would redirect straight back here. */
const helpedByLogin: readonly EdgeErrorCode[] = ['ERR_SESSION_MISSING', 'ERR_SESSION_INVALID', 'ERR_SESSION_EXPIRED']

/**
 * Returns the answer to a request that failed. A fetch gets the problem document. A navigation without a good session is
 * redirected to the login page, except in a frame, where most login pages refuse to appear. Any other refused navigation gets a
 * page with a next step.
 *
 * Logs the code and the request id only: messages and stacks of foreign errors may quote the request.
 */
export function refuse(error: unknown, edge: EdgeRequest, services: SessionServices): HttpResponse {
  const code = edgeCodeOf(error)
  logRefusal(code, edge.requestId, reasonOf(error))
  const response = answerTo(code, edge, services)
  return { ...response, headers: [...response.headers, ...ownHeaders(error)] }
}

/**
 * Logs one structured line for a refusal. `error` is our own side's fault, `warn` the request's.
 *
 * @param reason one of the closed list; left out where the code says it all.
 */
export function logRefusal(code: ErrorCode, requestId: string, reason?: SessionReason): void {
  const level = problems[code][0] >= 500 ? 'error' : 'warn'
  console.warn(JSON.stringify({ level, code, reason, requestId }))
}

/** Logs each claim with a value that gives no grant, although the session has others. */
export function logUnusable(claims: readonly string[], requestId: string): void {
  for (const claim of claims) logRefusal('ERR_GRANT_CLAIM', requestId, `claim:${claim}`)
}

function answerTo(code: EdgeErrorCode, edge: EdgeRequest, services: SessionServices): HttpResponse {
  const { request } = edge
  const { config } = services
  if (!isNavigation(request)) return problemResponse(code)
  const isSignedOut = helpedByLogin.includes(code)
  const login = isSignedOut ? loginLocation(edge, services) : null
  if (login !== null && !isFramed(request)) return redirect(302, login)
  // The user has just signed in, and the request has no session cookie.
  const shown = code === 'ERR_SESSION_MISSING' && isBackFromLogin(request) ? 'ERR_NO_COOKIES' : code
  return refusalPage(shown, request, nextSteps(shown, request, services), config)
}

/** The links of a refusal's page. */
function nextSteps(code: EdgeErrorCode, request: HttpRequest, services: SessionServices): PageAction[] {
  const status = problems[code][0]
  const wanted = returnQuery(request, services)
  // The address that failed, without the mark of the login page: the login page may be tried again.
  const again = `/_edge/session${wanted}`
  if (code === 'ERR_NO_COOKIES' || status >= 500) return [['Try again', again]]
  if (status === 401) return [['Sign in', again]]
  if (status !== 403 || code === 'ERR_CROSS_SITE' || code === 'ERR_FETCH_DESTINATION') return []
  return services.config.endSession
    ? [['Sign in as somebody else', `/_edge/session/end${wanted}`]]
    : [['Try again', again]]
}

/** The query that leads back to the address asked for; empty where it cannot be returned to. */
function returnQuery(request: HttpRequest, services: SessionServices): string {
  try {
    const target = addressWanted(request, services)
    return target === undefined ? '' : `?return=${encodeURIComponent(target.location)}`
  } catch {
    return ''
  }
}

function ownHeaders(error: unknown): HttpResponse['headers'] {
  if (error instanceof MintRefusal) return error.setCookie.map((line) => ['set-cookie', line] as const)
  return error instanceof MethodRefusal ? [['allow', error.allow]] : []
}
