import { createHash } from 'node:crypto'
import { type EdgeErrorCode, edgeProblems } from '../../shared/errors.ts'
import type { HttpRequest, HttpResponse } from '../../shared/http/message.ts'
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

const style =
  ':root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem}h1{font-size:1.5rem}'

/** Page for a navigation in place of a problem document: the same fixed text, and the code to quote to support. */
export function refusalPage(code: EdgeErrorCode): HttpResponse {
  const [status, title, detail] = edgeProblems[code]
  return page(status, title, `<p>${detail}</p>\n<p><small>${code}</small></p>`, refusalHeaders(status))
}

/** Page for a navigation to the mint without `return`, such as by the link of the 403 page with scripts off. */
export function mintedPage(headers: HttpResponse['headers']): HttpResponse {
  const text = '<p>This browser now has access to your files. Go back to the file and load it again.</p>'
  return page(200, 'Signed in', text, [['x-content-type-options', 'nosniff'], ...headers])
}

/** The page holds nothing of the request, and its policy lets it load and run nothing. */
function page(status: number, title: string, content: string, headers: HttpResponse['headers']): HttpResponse {
  const styleHash = createHash('sha256').update(style).digest('base64')
  return {
    status,
    headers: [
      ['content-type', 'text/html; charset=utf-8'],
      [
        'content-security-policy',
        `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      ],
      ['referrer-policy', 'no-referrer'],
      ...headers,
    ],
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`,
  }
}
