import { expect, it } from 'vitest'
import { rawGet, sendRaw } from '../support/raw-request.ts'
import { minted } from '../support/set-cookie.ts'
import { describeTargets, expectProblem, sessionsOf } from './suite.ts'

const endpoint = '/_edge/session'
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin', accept: 'text/html' }

/** `/_edge/session`: an app session goes in, cookies for the granted prefixes come out. */
describeTargets('session endpoint', (suite) => {
  it.each(['GET', 'POST'])('answers a %s fetch with times, prefixes and cookies', async (method) => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const before = Math.floor(Date.now() / 1000)
    const answer = await alice.send({ method, path: endpoint })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.headers['cache-control']).toMatch(/no-store/)
    const body = JSON.parse(answer.text) as Record<string, unknown>
    expect(Object.keys(body).sort()).toEqual(['expiresAt', 'prefixes', 'refreshAt'])
    expect(body.prefixes).toContain('/users/alice/')
    const [refresh, expires] = [rfc3339(body.refreshAt), rfc3339(body.expiresAt)]
    expect(expires).toBeGreaterThan(before)
    expect((refresh - before) / (expires - before)).toBeGreaterThan(0.75)
    expect((refresh - before) / (expires - before)).toBeLessThan(0.85)
  })

  it('has a session that the API describes: user, grants and scopes', async () => {
    const alice = await suite.signedIn('alice')
    const answer = await alice.send('/api/me')
    expect(answer.status).toBe(200)
    expect(answer.headers['cache-control']).toMatch(/no-store/)
    const me = JSON.parse(answer.text)
    expect(Object.keys(me).sort()).toEqual(['grants', 'scopes', 'sub'])
    expect(me.sub).toBe('alice')
    expect(me.grants).toContainEqual({ prefix: '/users/alice/', access: 'read-write' })
    expectProblem(await suite.send('/api/me'), 401, 'ERR_SESSION_MISSING')
  })

  it('sets each cookie for its prefix alone, out of reach of scripts and of other sites', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send(endpoint)
    const own = minted(answer).filter((cookie) => cookie.attributes.get('path') === '/users/alice/')
    const names = own.map((cookie) => cookie.name)
    expect(names).toEqual(
      expect.arrayContaining(['CloudFront-Policy', 'CloudFront-Signature', 'CloudFront-Key-Pair-Id', 'edge-issued']),
    )
    expect(new Set(names).size).toBe(names.length)
    for (const { name, attributes } of minted(answer)) {
      expect([...attributes.keys()], name).toEqual(
        expect.arrayContaining(['path', 'secure', 'httponly', 'samesite', 'max-age']),
      )
      expect(attributes.get('samesite'), name).toBe('Lax')
      expect(attributes.get('path'), name).not.toBe('/')
      expect(attributes.has('domain'), name).toBe(false)
    }
    const grants = minted(answer).filter((cookie) => cookie.name === 'edge-grants')
    expect(grants.map((cookie) => cookie.attributes.get('path'))).toEqual(['/_edge/'])
  })

  it('ends policy, cookies and expiresAt at the same second', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send(endpoint)
    const expiresAt = rfc3339((JSON.parse(answer.text) as Record<string, unknown>).expiresAt)
    const policy = minted(answer).find((cookie) => cookie.name === 'CloudFront-Policy')
    const [statement, ...more] = decodePolicy(policy?.value ?? '').Statement
    expect(more).toEqual([])
    expect(statement?.Resource).toBe(`https://${suite.target.host}/users/alice/*`)
    expect(statement?.Condition.DateLessThan['AWS:EpochTime']).toBe(expiresAt)
    const left = Number(policy?.attributes.get('max-age'))
    expect(Math.abs(left - (expiresAt - Date.now() / 1000))).toBeLessThan(5)
  })

  it('takes the session as Bearer too', async () => {
    const authorization = `Bearer ${await suite.target.login('alice')}`
    const answer = await suite.send({ path: endpoint, headers: { authorization } })
    expect(answer.status).toBe(200)
    expect(minted(answer).length).toBeGreaterThan(3)
  })

  it.skipIf(!suite.can.sessions)('makes room where old cookies and new are too many for one response', async () => {
    const teams = (name: string) => ({ team: [0, 1, 2, 3].map((i) => `${name}${i}`) })
    const browser = await suite.signedInWith('alice', teams('red'))
    const session = sessionsOf(suite.target).session('bob', teams('blue'))
    await browser.keep(`${suite.target.sessionCookie}=${session}; Path=/; HttpOnly; Secure; SameSite=Lax`)
    const first = await browser.send(endpoint)
    expect([first.status, first.headers.location]).toEqual([307, endpoint])
    expect((await browser.send(endpoint)).status).toBe(200)
    expect(await suite.grantCookies(browser, '/users/alice/x')).toBe('')
    expect(await suite.grantCookies(browser, '/teams/red0/x')).toBe('')
    expect(await suite.grantCookies(browser, '/teams/blue3/x')).toContain('CloudFront-Policy=')
  })

  it('keeps cookie values out of every body', async () => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send(endpoint)
    expect(answer.status).toBe(200)
    for (const { name, value } of minted(answer)) expect(answer.text.includes(value), name).toBe(false)
  })

  it.each(['/_edge/session', '/_edge/session/end', '/_edge/session?x=1'])(
    'refuses PUT and PATCH at %s',
    async (path) => {
      const alice = await suite.withSession(await suite.target.login('alice'))
      for (const method of ['PUT', 'PATCH']) {
        const answer = await alice.send({ method, path, body: '{}' })
        expectProblem(answer, 405, 'ERR_METHOD_NOT_ALLOWED')
        expect(answer.headers.allow).toMatch(/GET/)
      }
    },
  )

  it.each(['/_edge/session/', '/_edge/session/other', '/_edge/session/end/x'])('knows nothing at %s', async (path) => {
    const alice = await suite.withSession(await suite.target.login('alice'))
    const answer = await alice.send(path)
    expect([400, 404]).toContain(answer.status)
    expect(answer.setCookie).toEqual([])
  })
})

describeTargets('session endpoint without a good session', (suite) => {
  it('answers a fetch without one by 401 and a problem', async () => {
    const answer = await suite.send(endpoint)
    expectProblem(answer, 401, 'ERR_SESSION_MISSING')
    expect(answer.headers['cache-control']).toMatch(/no-store/)
    expect(minted(answer)).toEqual([])
  })

  it('answers a navigation without one by the login page, with the way back', async () => {
    for (const headers of [navigation, { accept: 'text/html,application/xhtml+xml' }]) {
      const answer = await suite.send({ path: `${endpoint}?return=/users/alice/disk.bin`, headers })
      expect([302, 401]).toContain(answer.status)
      if (answer.status === 401) {
        expect(answer.headers['content-type']).toMatch(/^text\/html/)
        continue
      }
      const location = new URL(String(answer.headers.location), suite.target.baseUrl)
      const back = new URL(location.searchParams.get('return') ?? 'missing:', suite.target.baseUrl)
      // Back to the mint: the app's session alone opens no file.
      expect(back.pathname).toBe(endpoint)
      expect(back.searchParams.get('return')).toBe('/users/alice/disk.bin')
      expect(answer.headers['cache-control']).toMatch(/no-store/)
    }
  })

  it('does not mistake a fetch that accepts HTML for a navigation', async () => {
    const headers = { 'sec-fetch-mode': 'cors', accept: 'text/html' }
    expectProblem(await suite.send({ path: endpoint, headers }), 401, 'ERR_SESSION_MISSING')
  })

  it('refuses two session cookies, even identical ones', async () => {
    const token = await suite.target.login('alice')
    const name = suite.target.sessionCookie
    for (const cookie of [
      `${name}=${token}; ${name}=${token}`,
      `${name}=x; ${name}=${token}`,
      `${name}=${token}; ${name}=`,
    ]) {
      const answer = await suite.send({ path: endpoint, headers: { cookie } })
      expectProblem(answer, 401, 'ERR_SESSION_DUPLICATE')
      expect(minted(answer)).toEqual([])
    }
    // node:http would join two Cookie fields into one.
    const { host, baseUrl } = suite.target
    const twoFields = rawGet(host, endpoint, { Cookie: `${name}=x`, cookie: `${name}=${token}` })
    expect((await sendRaw(baseUrl, twoFields)).status).toBe(401)
  })

  it.each([
    ['nothing', ''],
    ['a word', 'garbage'],
    ['two parts', 'e30.e30'],
    ['four parts', 'e30.e30.e30.e30'],
    ['five parts, as an encrypted token', 'e30.e30.e30.e30.e30'],
    ['empty parts', '..'],
    ['a header that is not JSON', 'bm90.bm90.bm90'],
    ['a header that is an array', 'W10.e30.e30'],
    ['characters that base64url has not', 'e30=.e30+/.e30'],
    ['8 KB of nothing', 'a'.repeat(8000)],
    ['16 KB in three parts', `${'a'.repeat(5400)}.${'b'.repeat(5400)}.${'c'.repeat(5400)}`],
  ])('refuses a token of %s', async (_, token) => {
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { cookie: `${suite.target.sessionCookie}=${token}` },
    ]) {
      const answer = await suite.send({ path: endpoint, headers })
      expect([400, 401, 431]).toContain(answer.status)
      expect(minted(answer)).toEqual([])
      if (token.length > 3) expect(answer.text.includes(token)).toBe(false)
    }
  })

  it.each(['Basic YWxpY2U6eA==', 'Bearer', 'Bearer ', 'bearer', 'Bearer a b', 'Token x'])(
    'refuses Authorization: %s',
    async (authorization) => {
      const answer = await suite.send({ path: endpoint, headers: { authorization } })
      expect(answer.status).toBe(401)
      expect(minted(answer)).toEqual([])
    },
  )

  it('refuses a token whose signature was changed', async () => {
    const [header, payload, signature = ''] = (await suite.target.login('alice')).split('.')
    const other = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as Record<string, unknown>
    const asBob = Buffer.from(JSON.stringify({ ...other, sub: 'bob' })).toString('base64url')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const changed = [
      `${header}.${asBob}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -4)}`,
      `${header}.${payload}.${signature.split('').reverse().join('')}`,
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
    ]
    for (const token of changed) {
      const answer = await suite.send({ path: endpoint, headers: { authorization: `Bearer ${token}` } })
      expectProblem(answer, 401, 'ERR_SESSION_INVALID')
      expect(minted(answer)).toEqual([])
    }
  })
})

/** CloudFront's base64: `-`, `_` and `~` for `+`, `=` and `/`. */
function decodePolicy(value: string): {
  Statement: { Resource: string; Condition: { DateLessThan: { 'AWS:EpochTime': number } } }[]
} {
  return JSON.parse(
    Buffer.from(
      value.replace(/[-_~]/g, (c) => ({ '-': '+', _: '=' })[c] ?? '/'),
      'base64',
    ).toString(),
  )
}

/** Epoch seconds of an RFC 3339 time. */
function rfc3339(value: unknown): number {
  expect(value).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  return Date.parse(String(value)) / 1000
}
