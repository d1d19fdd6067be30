import { createHash } from 'node:crypto'
import { type EdgeErrorCode, edgeProblems } from '../../shared/errors.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { refusalHeaders } from '../../shared/http/problem.ts'

const style =
  ':root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem}h1{font-size:1.5rem}'

/** The page that a person sees in place of a problem: the same fixed text, and the code for whoever they ask. */
export function refusalPage(code: EdgeErrorCode): HttpResponse {
  const [status, title, detail] = edgeProblems[code]
  return page(status, title, `<p>${detail}</p>\n<p><small>${code}</small></p>`, refusalHeaders(status))
}

/** What a person sees who opened the mint's address itself: the 403 page's link where scripts are off. */
export function mintedPage(headers: HttpResponse['headers']): HttpResponse {
  const text = '<p>This browser now has access to your files. Go back to the file and load it again.</p>'
  return page(200, 'Signed in', text, [['x-content-type-options', 'nosniff'], ...headers])
}

/** Nothing of the request is in it, and its policy lets it load and run nothing. */
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
