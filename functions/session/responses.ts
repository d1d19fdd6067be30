import { createHash } from 'node:crypto'
import { type EdgeErrorCode, edgeProblems } from '../../shared/errors.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
import { htmlPage, type PageAction, pageActions, pageStyle } from '../../shared/http/page.ts'
import { frameAncestors, referrerPolicy } from '../../shared/read/answer-headers.ts'
import { refusalHeaders } from '../../shared/read/problem-response.ts'
import { headerSafe } from '../../shared/session/return-address.ts'

/** Headers of an answer that sets these cookies. No cache may keep it. */
export function cookieHeaders(setCookie: readonly string[]): HttpResponse['headers'] {
  return [['cache-control', 'no-store'], ...setCookie.map((line) => ['set-cookie', line] as const)]
}

/** Returns a redirect that sets these cookies. 303 turns a POST into a GET, 307 keeps the method (RFC 9110 section 15.4). */
export function redirect(status: 302 | 303 | 307, location: string, setCookie: readonly string[] = []): HttpResponse {
  return { status, headers: [['location', location], ...cookieHeaders(setCookie)], body: '' }
}

/** Redirects the client (a page, an image or a player) to the same URL with these cookies. */
export function askAgain({ path, querystring }: HttpRequest, setCookie: readonly string[]): HttpResponse {
  const query = querystring === '' ? '' : `?${querystring}`
  // A canonical path begins with one slash, so this cannot name another host.
  return redirect(307, headerSafe(`${path}${query}`), setCookie)
}

/** Input of a page beside its text. */
interface PageSettings {
  readonly allowedOrigins: readonly string[]
  /** Path of the Files page; `null` if the stage does not serve it. */
  readonly filesPage: string | null
  readonly hasApp: boolean
}

/**
 * Page for a navigation in place of a problem document: the same fixed text, what to do next, and the code to quote to support.
 *
 * @param next the links that may help, before the one that leads back. Percent-encoded addresses.
 */
export function refusalPage(
  code: EdgeErrorCode,
  request: HttpRequest,
  next: readonly PageAction[],
  settings: PageSettings,
): HttpResponse {
  const [status, title, detail] = edgeProblems[code]
  const local = code === 'ERR_NO_COOKIES' && /^localhost(:|$)/.test(request.host) ? localAdvice : ''
  const links = pageActions([...next, ...wayBack(settings)], isFramed(request))
  const content = `<p>${detail}</p>\n${local}<p><small>${code}</small></p>\n${links}`
  return page(status, title, content, settings, refusalHeaders(status))
}

/** Safari keeps no `Secure` cookie on http://localhost. */
const localAdvice =
  '<p>Safari needs HTTPS on localhost too: start with <code>npm start -- --tls</code>, trust <code>.local/state/tls.crt</code>.</p>\n'

/** Page for a navigation to the mint without `return`, such as by the link of the 403 page with scripts off. */
export function mintedPage(headers: HttpResponse['headers'], settings: PageSettings): HttpResponse {
  const text = '<p>This browser now has access to your files. Go back to the file and load it again.</p>'
  const content = `${text}\n${pageActions(wayBack(settings))}`
  return page(200, 'Signed in', content, settings, [['x-content-type-options', 'nosniff'], ...headers])
}

function wayBack({ filesPage, hasApp }: PageSettings): PageAction[] {
  if (filesPage !== null) return [['Your files', filesPage]]
  return hasApp ? [['Back to the start', '/']] : []
}

/** Returns true if the answer is shown in a frame, where a sign-in page may refuse to appear. */
export function isFramed({ headers }: HttpRequest): boolean {
  const destination = headers['sec-fetch-dest']
  return destination !== undefined && destination !== 'document'
}

/** The page holds nothing of the request but its percent-encoded address, and its policy lets it load and run nothing. */
function page(
  status: number,
  title: string,
  content: string,
  { allowedOrigins }: PageSettings,
  headers: HttpResponse['headers'],
): HttpResponse {
  const styleHash = createHash('sha256').update(pageStyle).digest('base64')
  return {
    status,
    headers: [
      ['content-type', 'text/html; charset=utf-8'],
      [
        'content-security-policy',
        `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; ${frameAncestors(allowedOrigins)}`,
      ],
      // A frame of a page under COEP shows documents with COEP only.
      ['cross-origin-embedder-policy', 'require-corp'],
      ['referrer-policy', referrerPolicy],
      ...headers,
    ],
    body: htmlPage(title, content),
  }
}
