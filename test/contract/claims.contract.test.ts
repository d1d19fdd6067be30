import { expect, it } from 'vitest'
import type { Answer } from '../support/http-client.ts'
import { minted } from '../support/set-cookie.ts'
import { leftBySignOut } from './modes.ts'
import { describeTargets, epoch, expectProblem, sessionsOf } from './suite.ts'

const endpoint = '/_edge/session'

/** Sessions of every kind, made with the app's own secret: which of them become which grants. */
describeTargets('sessions and claims', (suite) => {
  const mint = (token: string) => suite.send({ path: endpoint, headers: { authorization: `Bearer ${token}` } })
  const mintFor = (payload: Record<string, unknown>) => mint(sessionsOf(suite.target).signed({ payload }))
  const refusedBy = (answer: Answer, status: number, code: string) => {
    expectProblem(answer, status, code)
    expect(minted(answer)).toEqual([])
  }

  it.skipIf(!suite.can.sessions)('mints one set of cookies for each of two grants', async () => {
    const alice = await suite.signedInWith('alice', { team: 'red' })
    expect((await alice.send('/users/alice/one.bin')).text).toBe('x')
    expect((await alice.send('/teams/red/notes.txt')).text).toBe('red team\n')
    expect((await alice.send('/teams/blue/notes.txt')).status).toBe(403)
    const body = JSON.parse((await alice.send(endpoint)).text) as { prefixes: string[] }
    expect([...body.prefixes].sort()).toEqual(['/teams/red/', '/users/alice/'])
  })

  it.skipIf(!suite.can.sessions)('takes cookies of one prefix for no other, even within one session', async () => {
    const alice = await suite.signedInWith('alice', { team: 'red' })
    const cookie = await suite.grantCookies(alice, '/users/alice/')
    expect((await suite.send({ path: '/teams/red/notes.txt', headers: { cookie } })).status).toBe(403)
  })

  it.skipIf(!suite.can.sessions)('makes one grant of each element of a claim', async () => {
    const answer = await mintFor({ sub: 'alice', team: ['red', 'blue'] })
    expect(answer.status).toBe(200)
    const { prefixes } = JSON.parse(answer.text) as { prefixes: string[] }
    expect([...prefixes].sort()).toEqual(['/teams/blue/', '/teams/red/', '/users/alice/'])
  })

  it.skipIf(!suite.can.sessions)('carries eight grants with long names through every hop', async () => {
    const teams = Array.from({ length: 7 }, (_, index) => `${index}${'t'.repeat(280)}`)
    const sub = `alice-${'a'.repeat(280)}`
    const own = await suite.withSession(sessionsOf(suite.target).session(sub, { team: teams }))
    const answer = await own.send(endpoint)
    expect(answer.status).toBe(200)
    expect(minted(answer).filter((cookie) => cookie.name === 'CloudFront-Policy').length).toBe(8)
    expect(answer.setCookie.length).toBeLessThanOrEqual(48)
    expect(answer.headerBytes).toBeGreaterThan(16 * 1024)
    expect(answer.headerBytes).toBeLessThan(32 * 1024)
    for (const prefix of [`/users/${sub}/`, ...teams.map((team) => `/teams/${team}/`)]) {
      expect((await own.send(`${prefix}no-such-file`)).status, prefix.slice(0, 12)).toBe(404)
    }
    expect((await own.send({ method: 'DELETE', path: endpoint })).status).toBe(204)
    expect(await own.inventory()).toEqual(leftBySignOut(suite.setting))
  })

  it.skipIf(!suite.can.sessions)('takes a request whose headers hold 20 KB', async () => {
    const alice = await suite.signedIn('alice')
    const rest = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`x-rest-${index}`, 'r'.repeat(3500)]))
    for (const path of ['/users/alice/one.bin', endpoint, '/public/logo.txt']) {
      expect((await alice.send({ path, headers: rest })).status, path).toBe(200)
    }
  })

  it.skipIf(!suite.can.sessions)('refuses more grants than cookies can hold', async () => {
    refusedBy(
      await mintFor({ sub: 'alice', team: Array.from({ length: 8 }, (_, i) => `t${i}`) }),
      403,
      'ERR_GRANT_TOO_MANY',
    )
  })

  it.skipIf(!suite.can.sessions)('clears the prefixes of claims that a user no longer has', async () => {
    const browser = await suite.signedInWith('alice', { team: 'red' })
    const token = sessionsOf(suite.target).session('alice', { team: 'blue' })
    await browser.keep(`${suite.target.sessionCookie}=${token}; Path=/; HttpOnly; Secure`)
    expect((await browser.send(endpoint)).status).toBe(200)
    expect((await browser.inventory()).filter((cookie) => cookie.endsWith('/teams/red/'))).toEqual([])
    expect((await browser.send('/teams/red/notes.txt')).status).toBe(403)
    expect((await browser.send('/teams/blue/notes.txt')).status).toBe(200)
  })

  const hostile = [
    '',
    '.',
    '..',
    '*',
    'a*',
    '?',
    'a?b',
    '../bob',
    'alice/../bob',
    'alice/',
    '/alice',
    'a\\b',
    'a\u0000b',
    'a\nb',
    'a\r\nSet-Cookie: x=y',
    '\u007f',
    '\ud800',
    'x'.repeat(500),
  ]
  it.skipIf(!suite.can.sessions).each(hostile.slice(1))('refuses a session whose sub is %j', async (sub) => {
    refusedBy(await mintFor({ sub }), 403, 'ERR_GRANT_CLAIM')
  })

  const prefixesFor = async (payload: Record<string, unknown>) =>
    (JSON.parse((await mintFor(payload)).text) as { prefixes: string[] }).prefixes

  it.skipIf(!suite.can.sessions).each(hostile)(
    'grants nothing for a team that is %j, and leaves the other grants alone',
    async (team) => {
      expect(await prefixesFor({ sub: 'alice', team })).toEqual(['/users/alice/'])
      expect(await prefixesFor({ sub: 'alice', team: ['red', team] })).toEqual(['/users/alice/', '/teams/red/'])
      if (team !== '') refusedBy(await mintFor({ sub: '..', team }), 403, 'ERR_GRANT_CLAIM')
    },
  )

  it.skipIf(!suite.can.sessions).each([
    ['a number', 7],
    ['true', true],
    ['null', null],
    ['an object', { name: 'red' }],
    ['an array of numbers', [7]],
    ['an array in an array', [['red']]],
  ])('grants nothing for a team that is %s', async (_, team) => {
    expect(await prefixesFor({ sub: 'alice', team })).toEqual(['/users/alice/'])
  })

  it.skipIf(!suite.can.sessions).each([
    ['%2e%2e', '%252e%252e'],
    ['a%2fb', 'a%252fb'],
    ['a b', 'a%20b'],
    ['é', '%C3%A9'],
    ['a+b@example.com', undefined],
    ['a;b,c"d', undefined],
    ['auth0|5f7c', 'auth0%7C5f7c'],
    ['__proto__', '__proto__'],
  ])('turns sub %j into one segment of its own', async (sub, segment) => {
    const answer = await mintFor({ sub })
    expect(answer.status).toBe(200)
    const { prefixes } = JSON.parse(answer.text) as { prefixes: string[] }
    expect(prefixes.length).toBe(1)
    const [, own = ''] = /^\/users\/([^/]+)\/$/.exec(prefixes[0] ?? '') ?? []
    expect(decodeURIComponent(own)).toBe(sub)
    if (segment !== undefined) expect(own).toBe(segment)
    const policy = minted(answer).find((cookie) => cookie.name === 'CloudFront-Policy')
    expect(policy?.attributes.get('path')).toBe(prefixes[0])
  })

  it.skipIf(!suite.can.sessions)('opens the prefix of a name that needs percent-encoding', async () => {
    const browser = await suite.signedInWith('é b@c')
    const { prefixes } = JSON.parse((await browser.send(endpoint)).text) as { prefixes: string[] }
    expect((await browser.send(`${prefixes[0]}no-such-file`)).status).toBe(404)
  })

  it.skipIf(!suite.can.sessions)('has nothing for a session without a usable sub', async () => {
    for (const sub of [undefined, '', null, 7, ['alice']]) {
      const answer = await mintFor({ sub })
      expect([401, 403], JSON.stringify(sub)).toContain(answer.status)
      expect(minted(answer)).toEqual([])
    }
  })

  const bad: Record<string, [payload: () => Record<string, unknown>, code: string]> = {
    'that is over': [() => ({ exp: epoch() - 61 }), 'ERR_SESSION_EXPIRED'],
    'without an end': [() => ({ exp: undefined }), 'ERR_SESSION_INVALID'],
    'whose end is a string': [() => ({ exp: String(epoch() + 600) }), 'ERR_SESSION_INVALID'],
    'that has not begun': [() => ({ nbf: epoch() + 120 }), 'ERR_SESSION_INVALID'],
    'of another issuer': [() => ({ iss: 'https://evil.example/' }), 'ERR_SESSION_INVALID'],
    'without an issuer': [() => ({ iss: undefined }), 'ERR_SESSION_INVALID'],
    'for another audience': [() => ({ aud: 'another-app' }), 'ERR_SESSION_INVALID'],
    'without an audience': [() => ({ aud: undefined }), 'ERR_SESSION_INVALID'],
    'for an empty list of audiences': [() => ({ aud: [] }), 'ERR_SESSION_INVALID'],
  }
  it.skipIf(!suite.can.sessions).each(Object.keys(bad))('refuses a session %s', async (name) => {
    const [payload, code] = bad[name] ?? [() => ({}), '']
    refusedBy(await mintFor({ sub: 'alice', ...payload() }), 401, code)
  })

  it.skipIf(!suite.can.sessions)('takes a session within the clock skew, and one audience of several', async () => {
    expect((await mintFor({ sub: 'alice', nbf: epoch() + 20 })).status).toBe(200)
    expect((await mintFor({ sub: 'alice', aud: ['another-app', 'edge-signer'] })).status).toBe(200)
  })

  it.skipIf(!suite.can.sessions)('never outlives the session', async () => {
    const exp = epoch() + 120
    const answer = await mintFor({ sub: 'alice', exp })
    expect(answer.status).toBe(200)
    const { expiresAt } = JSON.parse(answer.text) as { expiresAt: string }
    expect(Date.parse(expiresAt) / 1000).toBe(exp)
    for (const { name, attributes } of minted(answer))
      expect(Number(attributes.get('max-age')), name).toBeLessThanOrEqual(120)
  })

  it.skipIf(!suite.can.sessions)('gives an hour where the session lasts a week', async () => {
    const answer = await mintFor({ sub: 'alice', exp: epoch() + 7 * 86_400 })
    const { expiresAt } = JSON.parse(answer.text) as { expiresAt: string }
    const left = Date.parse(expiresAt) / 1000 - epoch()
    expect(left).toBeGreaterThan(3500)
    expect(left).toBeLessThanOrEqual(3601)
  })

  it.skipIf(!suite.can.sessions)('takes the algorithm from the configuration, never from the token', async () => {
    const sessions = sessionsOf(suite.target)
    const payload = { sub: 'alice' }
    expect((await mint(sessions.signed({ payload }))).status).toBe(200)
    const tokens = [
      sessions.unsigned({ payload, header: { alg: 'none' } }),
      sessions.unsigned({ payload, header: { alg: 'None' } }),
      sessions.unsigned({ payload }),
      sessions.signed({ payload, header: { alg: 'none' } }),
      sessions.signed({ payload, header: { alg: 'HS512' } }),
      sessions.signed({ payload, header: { alg: 'RS256' } }),
      sessions.signed({ payload, header: { alg: undefined } }),
      sessions.signed({ payload, header: { alg: 'hs256' } }),
      sessions.signed({ payload, header: { crit: ['x'], x: 1 } }),
      sessions.signed({ payload, header: { b64: false, crit: ['b64'] } }),
      sessions.forged({ payload }),
      sessions.forged({ payload, header: { jwk: { kty: 'oct', k: 'eA' } } }),
      sessions.forged({ payload, header: { jku: `${suite.target.baseUrl}/public/jwks.json`, kid: 'x' } }),
      sessions.forged({ payload, header: { kid: '../../../dev/null' } }),
    ]
    for (const [index, token] of tokens.entries()) {
      const answer = await mint(token)
      expect({ index, status: answer.status, cookies: minted(answer) }).toEqual({ index, status: 401, cookies: [] })
    }
  })

  it.skipIf(!suite.can.sessions || !suite.can.loopback)(
    'names the reason of a refusal in a header of the emulation, at the edge and in the API',
    async () => {
      const sessions = sessionsOf(suite.target)
      const good = { sub: 'alice' }
      const cases: [string, string][] = [
        ['aud', sessions.signed({ payload: { ...good, aud: 'other' } })],
        ['iss', sessions.signed({ payload: { ...good, iss: 'other' } })],
        ['exp', sessions.signed({ payload: { ...good, exp: epoch() - 1 } })],
        ['signature', sessions.forged({ payload: good })],
        ['encrypted', 'eyJ.AA.BB.CC.DD'],
        ['claim:sub', sessions.signed({ payload: { sub: '..' } })],
      ]
      for (const [reason, token] of cases) {
        expect((await mint(token)).headers['x-edge-signer-reason']).toBe(reason)
        const atApi = await suite.send({ path: '/api/assets', headers: { authorization: `Bearer ${token}` } })
        expect(atApi.headers['x-edge-signer-reason']).toBe(reason)
      }
      const partly = await mint(sessions.signed({ payload: { ...good, team: '/red' } }))
      expect([partly.status, partly.headers['x-edge-signer-reason']]).toEqual([200, 'claim:team'])
    },
  )

  it.skipIf(!suite.can.sessions)('says by code what is wrong, and nothing more', async () => {
    const answer = await mintFor({ sub: '../evil-marker' })
    expect(answer.text).not.toContain('evil-marker')
    const problem = JSON.parse(answer.text) as Record<string, unknown>
    expect(problem).toMatchObject({ status: 403, code: 'ERR_GRANT_CLAIM', title: expect.any(String) })
  })
})
