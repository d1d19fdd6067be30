import { type EdgeErrorCode, type ErrorCode, edgeCodeOf, GrantError, RequestError } from '../../shared/errors.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { isNavigation } from '../../shared/http/navigation.ts'
import { problemResponse } from '../../shared/http/problem.ts'
import type { EdgeRequest } from './event.ts'
import { isBackFromLogin } from './login.ts'
import { refusalPage } from './page.ts'
import { redirect } from './redirect.ts'

/** A good session that mints nothing: the cookies of earlier mints that are not its own go all the same. */
export class MintRefusal extends GrantError {
  readonly setCookie: readonly string[]

  constructor(code: ErrorCode, setCookie: readonly string[]) {
    super(code)
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

/** Whoever has one of these can sign in and come back. With the others the login page would send them straight back here. */
const helpedByLogin: readonly EdgeErrorCode[] = ['ERR_SESSION_MISSING', 'ERR_SESSION_INVALID', 'ERR_SESSION_EXPIRED']

/**
 * The answer to a request that failed. A fetch gets the problem; a navigation without a good session goes to the login page
 * (`login` says where, `null` where there is none), and one that is refused gets a page.
 *
 * Logs the code and the request id, and nothing else: messages and stacks of foreign errors may quote what was sent.
 */
export function refuse(error: unknown, edge: EdgeRequest, login: () => string | null): HttpResponse {
  const code = edgeCodeOf(error)
  logRefusal(code, edge.requestId)
  const response = answerTo(code, edge.request, login)
  return { ...response, headers: [...response.headers, ...ownHeaders(error)] }
}

/** One structured line for each refusal. */
export function logRefusal(code: ErrorCode, requestId: string): void {
  console.warn(JSON.stringify({ code, requestId }))
}

function answerTo(code: EdgeErrorCode, request: HttpRequest, login: () => string | null): HttpResponse {
  if (!isNavigation(request)) return problemResponse(code)
  const location = helpedByLogin.includes(code) ? login() : null
  if (location !== null) return redirect(302, location)
  // Signed in a moment ago, and nothing of it came along.
  if (code === 'ERR_SESSION_MISSING' && isBackFromLogin(request)) return refusalPage('ERR_NO_COOKIES')
  return refusalPage(code)
}

function ownHeaders(error: unknown): HttpResponse['headers'] {
  if (error instanceof MintRefusal) return error.setCookie.map((line) => ['set-cookie', line] as const)
  return error instanceof MethodRefusal ? [['allow', error.allow]] : []
}
