import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { errorPage, pagesCsp } from '../../../../infra/distribution/response-headers-policy.ts'

const page = errorPage()
const origins = ['https://app.example.com', 'http://localhost:*']
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

it('allows the script and the style of the page, and nothing else', () => {
  const html = '<title>x</title><style>a{}</style><main></main><script>\n  run()\n</script>'
  expect(pagesCsp(origins, html)).toBe(
    `default-src 'none'; script-src 'sha256-${sha256('\n  run()\n')}'; style-src 'sha256-${sha256('a{}')}'; ` +
      "connect-src 'self'; base-uri 'none'; form-action 'none'; " +
      "frame-ancestors 'self' https://app.example.com http://localhost:*",
  )
})

it('is for the page as it lies in the project', () => {
  expect(pagesCsp([])).toBe(pagesCsp([], page))
  expect(pagesCsp([])).not.toBe(pagesCsp([], page.replace('const seconds = 30', 'const seconds = 31')))
  expect(pagesCsp(['*'])).not.toMatch(/unsafe|\*|https?:/)
})

it.each([
  ['a second script', page.replace('</main>', '</main><script>other()</script>')],
  ['a script from elsewhere', page.replace('<script>', '<script src="/_edge/pages/403.js">')],
  ['a script with attributes', page.replace('<script>', '<script type="module">')],
  ['no script', page.replace(/<script>.*<\/script>/s, '')],
  ['a second style', page.replace('</head>', '<style>p{}</style></head>')],
  ['a style sheet of its own', page.replace('</head>', '<link rel="stylesheet" href="403.css" /></head>')],
  ['a style attribute', page.replace('<main>', '<main style="color:red">')],
  ['an event attribute', page.replace('<main>', '<main onclick="run()">')],
  ['other line ends', page.replaceAll('\n', '\r\n')],
])('refuses to package a page with %s', (_what, html) => {
  expect(html).not.toBe(page)
  expect(() => pagesCsp(origins, html)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }))
})
