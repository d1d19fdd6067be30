import { expect, it } from 'vitest'
import type { Answer } from '../support/http-client.ts'
import { disk, oddName } from './content.ts'
import {
  alwaysVaries,
  makesActiveContentAttachments,
  namesCharsets,
  privatePreflightStatus,
  statusWithoutCookies,
} from './modes.ts'
import { describeTargets, expectProblem } from './suite.ts'

/** An origin that the suite's stage allows, and one that nobody allows. */
const app = 'http://localhost:3000'
const exposed = ['Accept-Ranges', 'Content-Range', 'Content-Length', 'Content-Encoding', 'ETag', 'Last-Modified']

/** Headers that make user content harmless, readable across origins where allowed, and unaltered on its way. */
describeTargets(
  'headers of private files',
  (suite) => {
    const path = '/users/alice/disk.bin'
    const cases: Record<string, [status: number, request: { path?: string; headers?: Record<string, string> }]> = {
      'the whole file': [200, {}],
      'a part': [206, { headers: { range: 'bytes=0-9' } }],
      'an unchanged file': [304, { headers: { 'if-none-match': '*' } }],
      'a part that is not there': [416, { headers: { range: `bytes=${disk.length}-` } }],
      'several parts': [416, { headers: { range: 'bytes=0-1,2-3' } }],
      'a file that is not there': [404, { path: '/users/alice/no-such-file' }],
      'a path that is not canonical': [400, { path: '/users/alice//disk.bin' }],
    }
    it.each(Object.keys(cases))('protects the answer for %s', async (name) => {
      const [status, request] = cases[name] ?? [0, {}]
      const alice = await suite.signedIn('alice')
      const answer = await alice.send({ path, ...request, headers: { ...request.headers, origin: app } })
      expect(answer.status).toBe(status)
      expectProtected(answer)
      expect(directives(answer)).not.toContain('public')
      if (!isProblem(answer)) {
        expect(directives(answer)).toEqual(expect.arrayContaining(['private', 'no-cache', 'no-transform']))
      }
      expectReadable(answer, app)
    })

    it('protects the refusal without cookies', async () => {
      const answer = await suite.send({ path, headers: { origin: app } })
      expect(answer.status).toBe(statusWithoutCookies(suite.setting))
      expectProtected(answer)
      expect(directives(answer)).not.toContain('public')
      expectReadable(answer, app)
    })

    it.each(['HEAD', 'GET'])('says on %s that parts can be read', async (method) => {
      const alice = await suite.signedIn('alice')
      expect((await alice.send({ method, path })).headers['accept-ranges']).toBe('bytes')
    })

    it.each([
      ['bytes=0-0', 206],
      [`bytes=${disk.length}-`, 416],
    ])('says so with %s too', async (range, status) => {
      const alice = await suite.signedIn('alice')
      const answer = await alice.send({ path, headers: { range } })
      expect(answer.status).toBe(status)
      expect(answer.headers['accept-ranges']).toBe('bytes')
    })

    it('says so in the refusal of several parts', async () => {
      const alice = await suite.signedIn('alice')
      const answer = await alice.send({ path, headers: { range: 'bytes=0-1,2-3' } })
      expect(answer.status).toBe(416)
      expect(answer.headers['accept-ranges']).toBe('bytes')
      expect(answer.headers['access-control-expose-headers']).toMatch(/Accept-Ranges/i)
    })

    it('serves a file as its stored type, else as octet-stream', async () => {
      const alice = await suite.signedIn('alice')
      expect((await alice.send(path)).headers['content-type']).toBe('application/octet-stream')
    })

    it.each(['page.html', 'index.html', 'drawing.svg', 'script.js', 'feed.xml'])('makes %s harmless', async (name) => {
      const alice = await suite.signedIn('alice')
      for (const headers of [{}, { range: 'bytes=0-9' }]) {
        const answer = await alice.send({ path: `/users/alice/${name}`, headers })
        expect([200, 206]).toContain(answer.status)
        if (makesActiveContentAttachments(suite.setting)) {
          expect(answer.headers['content-disposition']).toMatch(/^attachment\b/)
          expect(answer.headers['content-security-policy']).toMatch(/^sandbox;/)
        }
        expectProtected(answer)
      }
    })

    it('leaves a disk image inline, without the sandbox that would leave a dead player', async () => {
      const alice = await suite.signedIn('alice')
      const { headers } = await alice.send(path)
      expect(headers['content-disposition']).toBeUndefined()
      expect(headers['content-security-policy']).not.toMatch(/sandbox/)
    })

    it('can be framed by a page under COEP', async () => {
      const alice = await suite.signedIn('alice')
      for (const answer of [await alice.send(path), await suite.send('/public/disk.bin')]) {
        expect(answer.headers['cross-origin-embedder-policy']).toBe('require-corp')
      }
    })

    it('names the charset of text', async () => {
      const alice = await suite.signedIn('alice')
      const { headers } = await alice.send(`/users/alice/${encodeURIComponent(oddName)}`)
      expect(headers['content-type']).toBe(namesCharsets(suite.setting) ? 'text/plain; charset=utf-8' : 'text/plain')
      expect((await suite.send('/public/logo.txt')).headers['content-type']).toBe('text/plain; charset=utf-8')
    })

    it('sends the address of a file to no other page', async () => {
      const alice = await suite.signedIn('alice')
      expect((await alice.send(path)).headers['referrer-policy']).toBe('no-referrer')
    })

    it.each(['script', 'worker', 'sharedworker', 'serviceworker', 'style', 'audioworklet', 'xslt', 'manifest'])(
      'refuses to be the %s of a page',
      async (destination) => {
        const alice = await suite.signedIn('alice')
        const headers = { origin: app, 'sec-fetch-dest': destination, 'sec-fetch-mode': 'no-cors' }
        const answer = await alice.send({ path: '/users/alice/script.js', headers })
        expectProblem(answer, 403, 'ERR_FETCH_DESTINATION')
        expectReadable(answer, app)
      },
    )

    it.each(['empty', 'image', 'video', 'document', 'iframe'])('is read by a browser for %s', async (destination) => {
      const alice = await suite.signedIn('alice')
      const answer = await alice.send({ path: '/users/alice/script.js', headers: { 'sec-fetch-dest': destination } })
      expect(answer.status).toBe(200)
    })

    it('allows no origin that the stage does not name, on no status', async () => {
      const alice = await suite.signedIn('alice')
      for (const headers of [
        {},
        { range: 'bytes=0-9' },
        { range: `bytes=${disk.length}-` },
        { 'if-none-match': '*' },
      ]) {
        const answer = await alice.send({ path, headers: { ...headers, origin: 'https://evil.example' } })
        expect(answer.headers['access-control-allow-origin']).toBeUndefined()
        expectProtected(answer)
      }
    })

    it('tells caches that the answer depends on the origin', async () => {
      const alice = await suite.signedIn('alice')
      for (const headers of [...(alwaysVaries(suite.setting) ? [{}] : []), { origin: app }]) {
        const names = varies(await alice.send({ path, headers }))
        expect(names).toContain('origin')
        // What was read as data must not run as a script out of a browser's cache.
        if (alwaysVaries(suite.setting)) expect(names).toContain('sec-fetch-dest')
      }
    })

    it('names no software', async () => {
      const alice = await suite.signedIn('alice')
      const answer = await alice.send(path)
      expect(answer.headers['x-powered-by']).toBeUndefined()
      expect(String(answer.headers.server ?? '')).not.toMatch(/\d/)
    })

    it('meets a preflight without cookies as the setting says, and never with bytes', async () => {
      const answer = await suite.send({ method: 'OPTIONS', path, headers: preflight(app, 'GET', 'if-range') })
      expect(answer.status).toBe(privatePreflightStatus(suite.setting))
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(answer.body.includes(disk.subarray(0, 32))).toBe(false)
    })
  },
  { refusals: true },
)

describeTargets('headers of public files', (suite) => {
  const path = '/public/disk.bin'

  it.each([
    ['the whole file', 200, {}],
    ['a part', 206, { range: 'bytes=0-9' }],
    ['an unchanged file', 304, { 'if-none-match': '*' }],
    ['a part that is not there', 416, { range: `bytes=${disk.length}-` }],
  ])('protects the answer for %s', async (_, status, headers) => {
    const answer = await suite.send({ path, headers: { ...headers, origin: app } })
    expect(answer.status).toBe(status)
    expectProtected(answer)
    // The function that merges it into what the origin sent does not run for errors, which hold no file.
    if (status < 400) expect(directives(answer)).toContain('no-transform')
    expect(directives(answer)).not.toContain('private')
    expectReadable(answer, app)
  })

  it('protects the answer for a file that is not there', async () => {
    const answer = await suite.send({ path: '/public/no-such-file', headers: { origin: app } })
    expect(answer.status).toBe(404)
    expectProtected(answer)
    expectReadable(answer, app)
  })

  it.each(['page.html', 'drawing.svg'])('makes %s an attachment', async (name) => {
    expect((await suite.send(`/public/${name}`)).headers['content-disposition']).toMatch(/^attachment\b/)
  })

  it('refuses to be the script of a page', async () => {
    const answer = await suite.send({ path, headers: { 'sec-fetch-dest': 'script' } })
    expectProblem(answer, 403, 'ERR_FETCH_DESTINATION')
  })

  it('sets no cookie and reads none', async () => {
    const answer = await suite.send({ path, headers: { cookie: 'CloudFront-Policy=x; session=y' } })
    expect(answer.status).toBe(200)
    expect(answer.setCookie).toEqual([])
  })
})

describeTargets('preflights', (suite) => {
  it.each([
    ['/public/disk.bin', 'GET', 'if-range,range'],
    ['/_edge/session', 'POST', 'content-type'],
    ['/_edge/session', 'GET', 'authorization'],
    ['/_edge/session', 'DELETE', ''],
  ])('answers one for %s %s %s by 204', async (path, method, fields) => {
    const answer = await suite.send({ method: 'OPTIONS', path, headers: preflight(app, method, fields) })
    expect(answer.status).toBe(204)
    expect(answer.body.length).toBe(0)
    expect(answer.headers['access-control-allow-origin']).toBe(app)
    expect(answer.headers['access-control-allow-credentials']).toBe('true')
    expect(list(answer.headers['access-control-allow-methods'])).toContain(method.toLowerCase())
    const allowed = list(answer.headers['access-control-allow-headers'])
    for (const field of list(fields)) expect(allowed).toContain(field)
    expect(answer.headers['access-control-max-age']).toBe('86400')
    expect(varies(answer)).toEqual(
      expect.arrayContaining(['origin', 'access-control-request-method', 'access-control-request-headers']),
    )
  })

  it.each(['/public/disk.bin', '/_edge/session'])('answers none for a stranger at %s', async (path) => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      const answer = await suite.send({ method: 'OPTIONS', path, headers: preflight(origin, 'GET', 'range') })
      expect(answer.headers['access-control-allow-origin'], origin).toBeUndefined()
      expect(answer.headers['access-control-allow-credentials'], origin).toBeUndefined()
    }
  })

  it.each(['/api/health', '/api/nope', '/nope'])('lets the app read %s, with each header once', async (path) => {
    const { headers } = await suite.send({ path, headers: { origin: app } })
    expect(headers['access-control-allow-origin']).toBe(app)
    expect(headers['access-control-allow-credentials']).toBe('true')
    expect(headers['cross-origin-resource-policy']).toBe('same-site')
    expect(headers.vary).toBe('Origin')
  })

  it('lets the app read every answer of the session endpoint', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    for (const reader of [alice, suite.browser()]) {
      const answer = await reader.send({ path: '/_edge/session', headers: { origin: app, 'sec-fetch-mode': 'cors' } })
      expect(answer.headers['access-control-allow-origin']).toBe(app)
      expect(answer.headers['access-control-allow-credentials']).toBe('true')
      expect(varies(answer)).toContain('origin')
      expect(answer.headers['cross-origin-resource-policy']).toBeDefined()
    }
  })
})

/** Expects the headers that make an answer harmless in a browser, for every author of its body. */
function expectProtected(answer: Answer): void {
  expect(answer.headers['x-content-type-options']).toBe('nosniff')
  expect(answer.headers['cross-origin-resource-policy']).toBe('same-site')
  const policy = answer.headers['content-security-policy']
  if (answer.status < 400) expect(policy ?? 'no policy').toMatch(/^(sandbox; )?default-src 'none';/)
  // Fixed JSON, which nothing runs.
  else if (isProblem(answer)) expect(directives(answer)).toContain('no-store')
  // The page of a refusal needs its own script, so it has another policy than files.
  else expect(policy ?? 'no policy').toMatch(/default-src 'none'/)
}

/** Expects the headers that let a page of an allowed origin read an answer with credentials. */
function expectReadable(answer: Answer, origin: string): void {
  expect(answer.headers['access-control-allow-origin']).toBe(origin)
  expect(answer.headers['access-control-allow-credentials']).toBe('true')
  expect(varies(answer)).toContain('origin')
  const names = list(answer.headers['access-control-expose-headers'])
  const wanted = exposed.map((name) => name.toLowerCase())
  // A problem exposes what it has to say; every page may read Content-Length (Fetch standard, "CORS-safelisted").
  const told = isProblem(answer) ? wanted.filter((name) => name in answer.headers && name !== 'content-length') : wanted
  expect(names).toEqual(expect.arrayContaining(told))
}

function isProblem(answer: Answer): boolean {
  return answer.headers['content-type'] === 'application/problem+json'
}

function preflight(origin: string, method: string, fields: string): Record<string, string> {
  const headers = { origin, 'access-control-request-method': method }
  return fields === '' ? headers : { ...headers, 'access-control-request-headers': fields }
}

function directives(answer: Answer): string[] {
  return list(answer.headers['cache-control'])
}

function varies(answer: Answer): string[] {
  return list(answer.headers.vary)
}

/** The members of a comma-separated field, in lower case. */
function list(field: string | undefined): string[] {
  return (field ?? '')
    .split(',')
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '')
}
