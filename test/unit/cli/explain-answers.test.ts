import { afterAll, describe, expect, it } from 'vitest'
import { pathKind } from '../../../cli/explain/path-kind.ts'
import { problemResponse } from '../../../shared/read/problem-response.ts'
import { cookieHeader, policyFor, signedCookies, strangerKey } from '../../support/policy-signer.ts'
import { makeFolder, now, run } from './command-line.ts'
import { keyDocument, makeKey } from './keys.ts'

/** Responses that override the key group: those on paths without signatures, and those of the session function in `gate` mode. */

const folder = makeFolder()
afterAll(() => folder.remove())

const key = makeKey('KEC0000000001', 'ES256')
const keys = folder.write('keys.json', keyDocument([key], 'c3RhbXAta2V5LXN0YW1wLWtleS1zdGFtcC1rZXktMTIz'))
const origin = 'https://cdn.example.com'
const url = `${origin}/users/alice/disk.img`
const session = `session=${'eyJhbGciOiJIUzI1NiJ9.'.repeat(4)}; edge-renewed=abcdefghijklmnopqrstuv`
const policy = policyFor({ resource: `${origin}/users/alice/*`, expires: now + 600 })
const lambda = 'x-cache: LambdaGeneratedResponse from cloudfront'
const renewal = [lambda, 'location: /users/alice/disk.img', 'set-cookie: CloudFront-Signature=x; Path=/users/alice/']

async function explain(args: readonly string[], status?: number, headers: readonly string[] = [], body = '') {
  const kept = folder.write('headers', [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n'))
  const answer = status === undefined ? [] : ['--response-headers', kept, '--body', folder.write('body', body)]
  const all = ['explain', ...args, '--keys', keys, ...answer]
  const [text, json] = [await run(all), await run([...all, '--json'])]
  return { text: text.out, status: text.status, ...JSON.parse(json.out) }
}

describe('a response of the session function on a private path', () => {
  it('grants with fresh cookies, whatever the request had', async () => {
    const jar = folder.write('jar', `cdn.example.com\tFALSE\t/\tTRUE\t0\tsession\tx\n`)
    for (const given of [
      [session],
      ['--jar', jar],
      ['--cookie', cookieHeader(signedCookies(strangerKey(key), policy))],
    ]) {
      const report = await explain([url, ...given], 307, renewal)
      expect(report).toMatchObject({ verdict: 'granted', fault: null, status: 0 })
      expect(report.text).toContain('GRANTED: the session function sets fresh cookies')
      expect(report.text).not.toContain('FAIL')
    }
  })

  it('is itself the reason if it refuses a session', async () => {
    for (const code of ['ERR_NO_COOKIES', 'ERR_SESSION_MISSING', 'ERR_RETURN_NOT_GRANTED'] as const) {
      const { body, status } = problemResponse(code)
      const report = await explain([url, session], status, [lambda], body)
      expect(report).toMatchObject({ verdict: 'refused', fault: 'answered-by-session-function', status: 1 })
      expect(report.remedy).toBe(JSON.parse(body).detail)
      expect(report.text).not.toContain('Ask /_edge/session first')
    }
  })

  it('is explained by the checks if it refuses the signature or the path', async () => {
    const stranger = ['--cookie', cookieHeader(signedCookies(strangerKey(key), policy))]
    const refused = problemResponse('ERR_SIGNATURE').body
    expect(await explain([url, ...stranger], 403, [lambda], refused)).toMatchObject({ fault: 'signature-wrong' })
    const path = problemResponse('ERR_PATH_NOT_CANONICAL').body
    const odd = await explain([`${origin}/users/alice/%64`, session], 400, [lambda], path)
    expect(odd).toMatchObject({ fault: 'path-not-canonical' })
  })

  it('is a refusal if it redirects to the login page', async () => {
    const report = await explain([url, session], 302, [lambda, 'location: https://app.example.com/login'])
    expect(report).toMatchObject({ verdict: 'refused', fault: 'answered-by-session-function' })
    expect(report.remedy).toContain('Sign in')
  })
})

describe('a response that contradicts the checks', () => {
  it('leaves the verdict undecided if a file was served without a signature', async () => {
    const report = await explain([url, session], 206, ['x-cache: Hit from cloudfront'])
    expect(report).toMatchObject({ verdict: 'undecided', fault: null, status: 1 })
    expect(report.text).toContain('UNDECIDED: it was answered with status 206')
  })

  it('does not override a refusal of the key group', async () => {
    const xml = '<Error><Code>MissingKey</Code></Error>'
    for (const at of [url, `${origin}/elsewhere/x`]) {
      expect(await explain([at], 403, [], xml)).toMatchObject({ verdict: 'refused', fault: 'not-signed' })
    }
  })
})

describe('a path without signatures', () => {
  it('is granted or refused by its response alone', async () => {
    const found = await explain([`${origin}/public/hello.txt`], 200)
    expect(found).toMatchObject({ verdict: 'granted', path: 'public', status: 0 })
    expect(found.text).toContain('GRANTED: anybody may read this path')
    const missing = '{"code":"ERR_ASSET_NOT_FOUND"}'
    const asset = await explain([`${origin}/api/assets/x`], 404, [], missing)
    expect(asset).toMatchObject({ verdict: 'refused', fault: 'answered-by-api', path: 'api' })
    const nothing = await explain([`${origin}/foo`], 404, [], problemResponse('ERR_NOT_FOUND').body)
    expect(nothing).toMatchObject({ verdict: 'refused', fault: 'answered-by-not-found-function', path: 'elsewhere' })
  })

  it('is refused if a mint redirects to the login page, and granted if it redirects to the file', async () => {
    const mint = `${origin}/_edge/session?return=/users/alice/x`
    const login = await explain([mint], 302, [lambda, 'location: https://app.example.com/login'])
    expect(login).toMatchObject({ verdict: 'refused', fault: 'answered-by-session-function', status: 1 })
    expect(login.remedy).toContain('Sign in')
    expect(await explain([mint], 303, [lambda, 'location: /users/alice/x'])).toMatchObject({ verdict: 'granted' })
  })

  it('is undecided without the response', async () => {
    for (const path of ['/public/x', '/api/assets/x', '/_edge/session', '/foo']) {
      const report = await explain([`${origin}${path}`])
      expect(report).toMatchObject({ verdict: 'undecided', fault: null, status: 1 })
    }
  })

  it('must still be canonical if the guard serves it', async () => {
    expect(await explain([`${origin}/public/%64`])).toMatchObject({ fault: 'path-not-canonical' })
  })
})

it('knows the behaviours of a distribution', () => {
  const kinds = {
    '/users/alice/x': 'private',
    '/users': 'elsewhere',
    '/public/x': 'public',
    '/_edge/pages/403.html': 'public',
    '/_edge/session': 'session',
    '/_edge/sessions': 'elsewhere',
    '/_edge/session/end': 'session',
    '/api/openapi.json': 'api',
  }
  const found = Object.keys(kinds).map((path) => [path, pathKind(path, ['/users/'])])
  expect(Object.fromEntries(found)).toEqual(kinds)
})
