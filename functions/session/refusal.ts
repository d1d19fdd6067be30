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
import { isNavigation } from '../../shared/read/fetch-metadata.ts'
import { problemResponse } from '../../shared/read/problem-response.ts'
import type { EdgeRequest } from './event.ts'
import { redirect, refusalPage } from './responses.ts'
import { isBackFromLogin } from './return-target.ts'

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
 * redirected to the login page, and any other refused navigation gets a page.
 *
 * Logs the code and the request id only: messages and stacks of foreign errors may quote the request.
 *
 * @param login returns the address of the login page, `null` if there is none.
 */
export function refuse(error: unknown, edge: EdgeRequest, login: () => string | null): HttpResponse {
  const code = edgeCodeOf(error)
  logRefusal(code, edge.requestId, reasonOf(error))
  const response = answerTo(code, edge.request, login)
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

function answerTo(code: EdgeErrorCode, request: HttpRequest, login: () => string | null): HttpResponse {
  if (!isNavigation(request)) return problemResponse(code)
  const location = helpedByLogin.includes(code) ? login() : null
  if (location !== null) return redirect(302, location)
  // The user has just signed in, and the request has no session cookie.
  if (code === 'ERR_SESSION_MISSING' && isBackFromLogin(request)) return refusalPage('ERR_NO_COOKIES')
  return refusalPage(code)
}

function ownHeaders(error: unknown): HttpResponse['headers'] {
  if (error instanceof MintRefusal) return error.setCookie.map((line) => ['set-cookie', line] as const)
  return error instanceof MethodRefusal ? [['allow', error.allow]] : []
}
