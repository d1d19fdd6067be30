import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { issueStamp } from '../../../../shared/revocation/stamp.ts'
import { serializeRevocationState } from '../../../../shared/revocation/state.ts'
import {
  cookieHeader,
  type PolicyTerms,
  policyFor,
  signedCookies,
  urlWithCannedPolicy,
  urlWithPolicy,
} from '../../../support/policy-signer.ts'
import { ecPrivatePem } from '../../fixtures/key-pairs.ts'
import {
  type Ask,
  configOf,
  distributionHost,
  edgeFunction,
  keyPairId,
  navigation,
  type Reply,
  stampKey,
  start,
  token,
  unavailable,
  withSession,
} from './edge.ts'

/** The session function on a private path, in a stage whose `enforcement` is `gate`. */

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})

const path = '/users/alice/disk.img'
const key = { keyPairId, privateKey: ecPrivatePem, hash: 'SHA256' as const }
const terms = (changes: Partial<PolicyTerms> = {}): PolicyTerms => ({
  resource: `https://${distributionHost}/users/alice/*`,
  notBefore: start - 60,
  expires: start + 3600,
  ...changes,
})
const cookiesFor = (changes?: Partial<PolicyTerms>) => cookieHeader(signedCookies(key, policyFor(terms(changes))))
const ask = (changes: Ask = {}): Ask => ({ path, ...changes })
const gate = (stage = {}, session = {}) => edgeFunction(configOf({ enforcement: 'gate', ...stage }, session))

/** Cookies that a browser sends back after this reply. */
function kept(reply: Reply): string {
  return reply.cookies
    .filter(({ attributes }) => attributes.get('max-age') !== '0' && attributes.get('path') !== '/_edge/')
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

function revoked(...entries: { prefix: string; sub?: string; before: number }[]): () => string {
  return () => serializeRevocationState({ revocations: entries.map((e) => ({ ...e, expires: start + 9999 })) as never })
}

describe('good cookies', () => {
  test('let the request pass unchanged', async () => {
    const request = await gate().pass(
      ask({ query: 'v=1&x', headers: { cookie: cookiesFor(), range: 'bytes=0-9', origin: 'https://evil.example' } }),
    )
    expect(request).toMatchObject({ uri: path, method: 'GET', querystring: 'v=1&x' })
    expect(request.headers.range?.[0]?.value).toBe('bytes=0-9')
  })

  test('need nothing of the app: no session, no key set', async () => {
    const { pass, loads } = gate()
    for (let i = 0; i < 5; i++) await pass(ask({ headers: { cookie: cookiesFor() } }))
    expect(loads).toEqual({ secret: 1, state: 1, keySet: 0 })
  })

  test.each<[string, Partial<PolicyTerms>, Partial<Ask>]>([
    ['of another path', {}, { path: '/users/alice2/x' }],
    ['of another host', { resource: 'https://other.example/users/alice/*' }, {}],
    ['that are over', { expires: start }, {}],
    ['whose time has not come', { notBefore: start }, {}],
    ['of another address', { sourceIp: '192.0.2.1' }, {}],
  ])('%s are refused', async (_, changes, request) => {
    const reply = await gate().send(ask({ headers: { cookie: cookiesFor(changes) }, ...request }))
    expect([reply.status, reply.code]).toEqual([403, 'ERR_SIGNATURE'])
    expect([reply.header('cache-control'), reply.header('cross-origin-resource-policy')]).toEqual([
      'no-store',
      'same-site',
    ])
  })

  test('are refused twice, incomplete, and with a signature of anybody else', async () => {
    const good = cookiesFor()
    const stranger = cookieHeader(signedCookies(key, policyFor(terms({ expires: start + 60 }))))
    const mixed = `${/CloudFront-Policy=[^;]+/.exec(good)?.[0]}; ${stranger.replace(/CloudFront-Policy=[^;]+; ?/, '')}`
    for (const cookie of [
      `${good}; ${good}`,
      good.replace(/CloudFront-Key-Pair-Id=[^;]+(; )?/, ''),
      good.replace(/CloudFront-Signature=[^;]+(; )?/, ''),
      good.replace(/CloudFront-Hash-Algorithm=[^;]+(; )?/, ''),
      good.replace(keyPairId, 'KOTHER'),
      mixed,
    ]) {
      expect(cookie).not.toBe(good)
      expect((await gate().send(ask({ headers: { cookie } }))).code).toBe('ERR_SIGNATURE')
    }
  })

  test('open nothing while the keys or the revocations cannot be read', async () => {
    for (const [store, code] of [
      ['secret', 'ERR_KEYS_UNAVAILABLE'],
      ['state', 'ERR_STATE_UNAVAILABLE'],
    ] as const) {
      const { send, stores } = gate()
      stores[store] = unavailable(code)
      const reply = await send(ask({ headers: { cookie: cookiesFor() } }))
      expect([reply.status, reply.code]).toEqual([503, code])
    }
  })

  test('odd cookies and queries cause no exception', async () => {
    const { handler, send } = gate()
    expect(handler).toBeDefined()
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.constantFrom('CloudFront-Policy', 'CloudFront-Signature', 'CloudFront-Key-Pair-Id', 'edge-issued', 'x'),
          fc.string(),
        ),
        fc.constantFrom('', 'Policy=1', 'Expires=9999999999', 'a=%', 'Signature=~_-', 'Key-Pair-Id'),
        async (cookies, query) => {
          const cookie = Object.entries(cookies)
            .map(([name, value]) => `${name}=${value}`)
            .join('; ')
          expect([401, 403]).toContain((await send(ask({ query, headers: { cookie } }))).status)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a signed URL', () => {
  const url = `https://${distributionHost}${path}`
  const queryOf = (signed: string) => new URL(signed).search.slice(1)

  test('lets the request pass without its parameters', async () => {
    const { pass } = gate()
    const custom = queryOf(urlWithPolicy(key, `${url}?v=1`, policyFor(terms())))
    expect((await pass(ask({ query: custom }))).querystring).toBe('v=1')
    const canned = queryOf(urlWithCannedPolicy(key, url, start + 60))
    expect((await pass(ask({ query: canned }))).querystring).toBe('')
  })

  test('is judged alone: good cookies and a good session do not make up for it', async () => {
    const { send } = gate()
    const jwt = await token()
    for (const query of ['Expires=1', 'Policy=', 'v=1&Signature', 'Key-Pair-Id=K', 'Hash-Algorithm=SHA256']) {
      for (const headers of [{ cookie: cookiesFor() }, { authorization: `Bearer ${jwt}` }]) {
        const reply = await send(withSession(jwt, ask({ query, headers })))
        expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_SIGNATURE', []])
      }
      const page = await send(withSession(jwt, ask({ query, headers: navigation })))
      expect([page.status, page.header('content-type')]).toEqual([403, 'text/html; charset=utf-8'])
    }
  })

  test.each<[string, Partial<PolicyTerms>]>([
    ['that is over', { expires: start }],
    ['whose time has not come', { notBefore: start }],
    ['of another path', { resource: `https://${distributionHost}/users/bob/*` }],
    ['of another address', { sourceIp: '192.0.2.1' }],
  ])('%s is refused, whatever session and cookies come beside it', async (_, changes) => {
    const jwt = await token()
    const query = queryOf(urlWithPolicy(key, url, policyFor(terms(changes))))
    for (const headers of [{}, { cookie: cookiesFor() }, { authorization: `Bearer ${jwt}` }]) {
      for (const request of [ask({ query, headers }), withSession(jwt, ask({ query, headers }))]) {
        const reply = await gate().send(request)
        expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_SIGNATURE', []])
      }
    }
  })

  test('with the signature of another policy is refused, whatever session comes beside it', async () => {
    const good = new URLSearchParams(queryOf(urlWithPolicy(key, url, policyFor(terms()))))
    const other = new URLSearchParams(queryOf(urlWithPolicy(key, url, policyFor(terms({ expires: start + 60 })))))
    good.set('Signature', other.get('Signature') ?? '')
    for (const request of [ask({ query: `${good}` }), withSession(await token(), ask({ query: `${good}` }))]) {
      const reply = await gate().send(request)
      expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_SIGNATURE', []])
    }
  })

  test('is not renewed late in its life', async () => {
    const late = policyFor(terms({ notBefore: start - 1000, expires: start + 10 }))
    const query = queryOf(urlWithPolicy(key, url, late))
    expect((await gate().pass(withSession(await token(), ask({ query })))).querystring).toBe('')
  })
})

describe('an app session without cookies', () => {
  test.each(['GET', 'HEAD'])('answers %s by the same URL and cookies for its prefix', async (method) => {
    const { send, pass } = gate()
    const headers = { origin: 'https://app.example.com' }
    const jwt = await token({ team: 'red' })
    const reply = await send(withSession(jwt, ask({ method, query: 'v=1&w=%20', headers })))
    expect([reply.status, reply.text, reply.header('location')]).toEqual([307, '', `${path}?v=1&w=%20`])
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.header('access-control-allow-origin')).toBe('https://app.example.com')
    expect(reply.header('access-control-allow-credentials')).toBe('true')
    expect(reply.header('cross-origin-resource-policy')).toBe('same-site')
    expect(new Set(reply.cookies.map(({ attributes }) => attributes.get('path')))).toEqual(
      new Set(['/users/alice/', '/_edge/']),
    )
    await pass(ask({ method, headers: { cookie: kept(reply) } }))
  })

  test('opens what its own grants cover, each with its own cookies', async () => {
    const { send, pass } = gate()
    const jwt = await token({ team: 'red' })
    const users = await send(withSession(jwt, ask()))
    const teams = await send(withSession(jwt, ask({ path: '/teams/red/x' })))
    await pass(ask({ path: '/teams/red/x', headers: { cookie: kept(teams) } }))
    expect((await send(ask({ path: '/teams/red/x', headers: { cookie: kept(users) } }))).code).toBe('ERR_SIGNATURE')
  })

  test.each(['/users/bob/x', '/users/alice2/x', '/users/alice', '/users/', '/teams/red/x', '/elsewhere/x'])(
    'opens nothing at %s',
    async (foreign) => {
      const reply = await gate().send(withSession(await token(), ask({ path: foreign })))
      expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_RETURN_NOT_GRANTED', []])
    },
  )

  test('keeps an address that a header line could not hold', async () => {
    const reply = await gate().send(withSession(await token(), ask({ query: 'q=é' })))
    expect(reply.header('location')).toBe(`${path}?q=%C3%A9`)
  })

  test('is refused as at the mint: missing, bad, over, revoked, without grants', async () => {
    const { send, stores } = gate()
    stores.state = revoked({ prefix: '/users/mallory/', before: start })
    const cases: [string, string | undefined][] = [
      ['ERR_SESSION_MISSING', undefined],
      ['ERR_SESSION_INVALID', 'a.b.c'],
      ['ERR_SESSION_EXPIRED', await token({ exp: start - 100 })],
      ['ERR_SESSION_REVOKED', await token({ sub: 'mallory' })],
      ['ERR_GRANT_CLAIM', await token({ sub: 'a/b' })],
    ]
    for (const [code, jwt] of cases) {
      const reply = await send(jwt === undefined ? ask() : withSession(jwt, ask()))
      expect([reply.code, reply.lines]).toEqual([code, []])
    }
  })

  test('sends a navigation without one to the login page, with the way back', async () => {
    const { send } = gate({}, { loginUrl: '/login' })
    const wanted = async (query: string, to = path) => {
      const reply = await send(ask({ path: to, query, headers: navigation }))
      expect(reply.status).toBe(302)
      const back = new URL(reply.header('location') ?? '', 'https://x.test').searchParams.get('return') ?? ''
      return new URL(back, 'https://x.test').searchParams.get('return')
    }
    expect(await wanted('v=1&w=%20')).toBe(`${path}?v=1&w=%20`)
    // An address that login must not be trusted with is left out.
    expect(await wanted('x=\\')).toBe(path)
    expect(await wanted('', '/users/alice/%252F%252Fx')).toBeNull()
    expect(await wanted('', `/users/alice/${'x'.repeat(3000)}`)).toBeNull()
    const page = await gate().send(ask({ headers: navigation }))
    expect([page.status, page.header('content-type')]).toEqual([401, 'text/html; charset=utf-8'])
  })

  test('gives no cookies for a host that is not the distribution’s', async () => {
    const reply = await gate().send(withSession(await token(), ask({ headers: { host: 'evil.example' } })))
    expect([reply.code, reply.lines]).toEqual(['ERR_HOST_UNKNOWN', []])
  })
})

describe('a Bearer session', () => {
  test('passes where its grants cover the path, and gets no cookies', async () => {
    const { send, pass } = gate()
    const headers = { authorization: `Bearer ${await token()}` }
    expect((await pass(ask({ query: 'v=1', headers }))).querystring).toBe('v=1')
    expect((await send(ask({ path: '/users/bob/x', headers }))).code).toBe('ERR_RETURN_NOT_GRANTED')
    expect((await send(ask({ headers: { authorization: 'Bearer a.b.c' } }))).code).toBe('ERR_SESSION_INVALID')
  })

  test('does not pass once it is revoked', async () => {
    const { send, stores } = gate()
    stores.state = revoked({ prefix: '/users/alice/', sub: 'alice', before: start })
    const reply = await send(ask({ headers: { authorization: `Bearer ${await token()}` } }))
    expect([reply.status, reply.code]).toEqual([401, 'ERR_SESSION_REVOKED'])
  })

  test('is what the header says: another scheme beside a session cookie is a browser', async () => {
    const reply = await gate().send(withSession(await token(), ask({ headers: { authorization: 'Basic eDp5' } })))
    expect(reply.status).toBe(307)
  })
})

describe('the loop guard', () => {
  const markerOf = (reply: Reply) => {
    const marker = reply.cookies.find(({ name }) => name === 'edge-renewed')
    return { cookie: `edge-renewed=${marker?.value}`, attributes: marker?.attributes }
  }

  test('tells a browser that came back without cookies', async () => {
    const { send } = gate()
    const jwt = await token()
    const { cookie, attributes } = markerOf(await send(withSession(jwt, ask())))
    expect(attributes?.get('max-age')).toBe('10')
    expect(attributes?.get('path')).toBe('/users/alice/')
    expect(attributes?.has('httponly')).toBe(true)
    const again = await send(withSession(jwt, ask({ headers: { cookie } })))
    expect([again.status, again.code, again.lines]).toEqual([403, 'ERR_NO_COOKIES', []])
    const page = await send(withSession(jwt, ask({ headers: { cookie, ...navigation } })))
    expect(page.status).toBe(403)
    expect(page.text).toContain('Cookies are blocked')
  })

  test('sends no page of another site round, whose browser would drop the cookies', async () => {
    const { send } = gate()
    const crossSite = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }
    const reply = await send(withSession(await token(), ask({ headers: crossSite })))
    expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_NO_COOKIES', []])
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    expect((await send(withSession(await token(), ask({ headers: link })))).status).toBe(307)
  })

  test('lasts no longer than the cookies that it marks', async () => {
    const jwt = await token({ exp: start + 4 })
    expect(markerOf(await gate().send(withSession(jwt, ask()))).attributes?.get('max-age')).toBe('4')
  })

  test('holds for one address and one session', async () => {
    const { send } = gate()
    const { cookie } = markerOf(await send(withSession(await token(), ask())))
    expect((await send(withSession(await token(), ask({ path: `${path}2`, headers: { cookie } })))).status).toBe(307)
    const later = await token({ iat: start })
    expect((await send(withSession(later, ask({ headers: { cookie } })))).status).toBe(307)
  })

  test('says what is wrong where cookies come back and do not hold', async () => {
    const { send } = gate()
    const jwt = await token()
    const { cookie } = markerOf(await send(withSession(jwt, ask())))
    const planted = `${cookie}; CloudFront-Policy=planted`
    expect((await send(withSession(jwt, ask({ headers: { cookie: planted } })))).code).toBe('ERR_SIGNATURE')
  })

  test('ends every way round: a browser with any mix of cookies is sent on at most once', async () => {
    const subsets = ['CloudFront-Policy', 'CloudFront-Signature', 'CloudFront-Key-Pair-Id', 'edge-issued']
    for (let lost = 0; lost < 16; lost++) {
      const { send, handler } = gate()
      const jwt = await token()
      const first = await send(withSession(jwt, ask()))
      const cookie = kept(first)
        .split('; ')
        .filter((pair) => !subsets.some((name, i) => (lost >> i) % 2 === 1 && pair.startsWith(`${name}=`)))
        .join('; ')
      expect(handler).toBeDefined()
      const outcome = await send(withSession(jwt, ask({ headers: { cookie } }))).then(
        ({ status }) => status,
        () => 'passed',
      )
      expect(outcome, String(lost)).not.toBe(307)
    }
  })
})

describe('renewal', () => {
  // Minted at `start` for 1000 s: due from 800 s on.
  const cookie = cookiesFor({ expires: start + 1000 })

  test('comes at 80 % of the policy’s time', async () => {
    const { send, pass, clock } = gate()
    const jwt = await token()
    clock.now = start + 799
    await pass(withSession(jwt, ask({ headers: { cookie } })))
    clock.now = start + 800
    const reply = await send(withSession(jwt, ask({ headers: { cookie } })))
    expect(reply.status).toBe(307)
    await pass(withSession(jwt, ask({ headers: { cookie: kept(reply) } })))
  })

  test('sets cookies that live as long as their policy, and no longer', async () => {
    const { send } = gate()
    const reply = await send(withSession(await token({ exp: start + 700 }), ask()))
    const lives = reply.cookies.map(({ name, attributes }) => [name.slice(0, 12), attributes.get('max-age')])
    expect(lives.filter(([name]) => name !== 'edge-renewed').map(([, life]) => life)).toEqual(Array(6).fill('700'))
    expect(lives.find(([name]) => name === 'edge-renewed')?.[1]).toBe('10')
    const soon = await send(withSession(await token({ exp: start + 4 }), ask()))
    expect(soon.cookies.map(({ attributes }) => attributes.get('max-age'))).toEqual(Array(7).fill('4'))
  })

  test('agrees with the refreshAt that a mint tells', async () => {
    const { send, pass, clock } = gate()
    const jwt = await token()
    const mint = await send(withSession(jwt))
    const refreshAt = Date.parse(JSON.parse(mint.text).refreshAt) / 1000
    clock.now = refreshAt - 1
    await pass(withSession(jwt, ask({ headers: { cookie: kept(mint) } })))
    clock.now = refreshAt
    expect((await send(withSession(jwt, ask({ headers: { cookie: kept(mint) } })))).status).toBe(307)
  })

  test.each<[string, () => Promise<Ask>]>([
    ['there is no session', async () => ask({ headers: { cookie } })],
    ['the session is over', async () => withSession(await token({ exp: start - 100 }), ask({ headers: { cookie } }))],
    [
      'the session ends no later',
      async () => withSession(await token({ exp: start + 1000 }), ask({ headers: { cookie } })),
    ],
  ])('is no reason to refuse good cookies: %s', async (_, request) => {
    const { pass, clock } = gate()
    clock.now = start + 900
    await pass(await request())
  })

  test('does not stop a reader while the key set is away', async () => {
    const { pass, stores, clock } = gate()
    stores.keySet = () => {
      throw new TypeError('fetch failed')
    }
    clock.now = start + 900
    await pass(withSession(await token(), ask({ headers: { cookie } })))
  })

  test('replaces cookies that no longer hold', async () => {
    const { send, clock } = gate()
    const jwt = await token()
    clock.now = start + 1000
    expect((await send(withSession(jwt, ask({ headers: { cookie } })))).status).toBe(307)
    expect((await send(withSession(jwt, ask({ headers: { cookie: 'CloudFront-Key-Pair-Id=K' } })))).status).toBe(307)
  })

  test('never asks for cookies that were signed elsewhere and do not say when', async () => {
    const { pass, clock } = gate()
    const { notBefore: _, ...open } = terms({ expires: start + 1000 })
    clock.now = start + 999
    const own = cookieHeader(signedCookies(key, policyFor(open)))
    await pass(withSession(await token(), ask({ headers: { cookie: own } })))
  })
})

describe('the session of another user beside good cookies', () => {
  const cookie = cookiesFor()
  const teamPath = '/teams/red/notes.txt'
  const teamCookie = cookiesFor({ resource: `https://${distributionHost}/teams/red/*` })

  test('takes away what the user before could read', async () => {
    const { send } = gate()
    const bobs = await token({ sub: 'bob' })
    for (const request of [
      withSession(bobs, ask({ headers: { cookie } })),
      ask({ headers: { cookie, authorization: `Bearer ${bobs}` } }),
    ]) {
      const reply = await send(request)
      expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_RETURN_NOT_GRANTED', []])
    }
  })

  test('also where that user may read nothing at all', async () => {
    const { send } = edgeFunction(configOf({ enforcement: 'gate', grants: ['/teams/{claims.team}/*'] }))
    const reply = await send(
      withSession(await token({ sub: 'bob' }), { path: teamPath, headers: { cookie: teamCookie } }),
    )
    expect([reply.status, reply.code]).toEqual([403, 'ERR_GRANT_NONE'])
  })

  test('leaves them what both may read, without a look at the key set', async () => {
    const { pass, loads } = gate()
    const bobs = await token({ sub: 'bob', team: ['blue', 'red'] })
    await pass(withSession(bobs, { path: teamPath, headers: { cookie: teamCookie } }))
    expect(loads.keySet).toBe(0)
  })

  test('counts only if it is valid: a planted one shuts nobody out', async () => {
    const { pass } = gate()
    const bobs = await token({ sub: 'bob' })
    const [header, payload] = bobs.split('.')
    for (const planted of [
      await token({ sub: 'bob', exp: start - 100 }),
      `${header}.${payload}.AAAA`,
      'a.b.c',
      `${header}.bm90IEpTT04.AAAA`,
      'x',
    ]) {
      await pass(withSession(planted, ask({ headers: { cookie } })))
    }
  })

  test('is no matter for a signed URL', async () => {
    const url = urlWithPolicy(key, `https://${distributionHost}${path}`, policyFor(terms()))
    const { pass } = gate()
    await pass(withSession(await token({ sub: 'bob' }), ask({ query: new URL(url).search.slice(1) })))
  })
})

describe('a revoked prefix', () => {
  test('is closed to cookies with an older stamp, without one, and to signed URLs', async () => {
    const { send, pass, stores, clock } = gate()
    const minted = kept(await send(withSession(await token(), ask())))
    await pass(ask({ headers: { cookie: minted } }))
    stores.state = revoked({ prefix: '/users/alice/', before: start + 120 })
    // The state is kept for 30 s, no longer.
    clock.now += 29
    await pass(ask({ headers: { cookie: minted } }))
    clock.now += 1
    for (const cookie of [minted, cookiesFor(), minted.replace(/edge-issued=\d+/, 'edge-issued=9999999999')]) {
      const reply = await send(ask({ headers: { cookie } }))
      expect([reply.status, reply.code]).toEqual([403, 'ERR_ACCESS_REVOKED'])
    }
    const query = new URL(urlWithPolicy(key, `https://${distributionHost}${path}`, policyFor(terms()))).search.slice(1)
    expect((await send(ask({ query, headers: { cookie: minted } }))).code).toBe('ERR_ACCESS_REVOKED')
    await pass(
      ask({ path: '/users/bob/x', headers: { cookie: cookiesFor({ resource: `https://${distributionHost}/*` }) } }),
    )
  })

  test('is open to cookies of a newer session, once these are distinguishable from older ones', async () => {
    const { send, pass, stores, clock } = gate()
    const before = start + 120
    stores.state = revoked({ prefix: '/users/alice/', sub: 'mallory', before })
    const jwt = await token()
    clock.now = before
    const early = await send(withSession(jwt, ask({ headers: { cookie: cookiesFor() } })))
    expect([early.status, early.code, early.lines]).toEqual([403, 'ERR_ACCESS_REVOKED', []])
    clock.now = before + 1
    const reply = await send(withSession(jwt, ask({ headers: { cookie: cookiesFor() } })))
    expect(reply.status).toBe(307)
    await pass(ask({ headers: { cookie: kept(reply) } }))
    // A URL says nothing about when it was made, whatever cookies come beside it.
    const query = new URL(urlWithPolicy(key, `https://${distributionHost}${path}`, policyFor(terms()))).search.slice(1)
    expect((await send(ask({ query, headers: { cookie: kept(reply) } }))).code).toBe('ERR_ACCESS_REVOKED')
  })

  test('takes the stamp of one prefix of the path, whatever other prefixes of it a grant could have', async () => {
    const nested = { grants: ['/users/{sub}/*', '/users/{sub}/{claims.team}/*'] as const }
    const { pass, stores } = gate(nested)
    stores.state = revoked({ prefix: '/users/alice/', before: start - 10_000 })
    const stamp = `edge-issued=${issueStamp(stampKey, distributionHost, '/users/alice/', start)}`
    const cookie = `${cookiesFor()}; ${stamp}`
    await pass(ask({ path: '/users/alice/red/x', headers: { cookie } }))
  })

  test('reads four stamps and no more: each costs an HMAC for each prefix', async () => {
    const { send, pass, stores } = gate()
    stores.state = revoked({ prefix: '/users/alice/', before: start - 10_000 })
    const good = `edge-issued=${issueStamp(stampKey, distributionHost, '/users/alice/', start)}`
    const planted = (count: number) =>
      Array.from({ length: count }, (_, i) => `edge-issued=${start + i}.${'A'.repeat(43)}`)
    const cookie = (count: number) => [cookiesFor(), ...planted(count), good].join('; ')
    await pass(ask({ headers: { cookie: cookie(3) } }))
    expect((await send(ask({ headers: { cookie: cookie(4) } }))).code).toBe('ERR_ACCESS_REVOKED')
  })

  test('takes a stamp of this prefix only', async () => {
    const { send, stores, clock } = gate()
    stores.state = revoked({ prefix: '/users/alice/', before: start - 10_000 })
    const bob = kept(await send(withSession(await token({ sub: 'bob' }), ask({ path: '/users/bob/x' }))))
    const stamp = /edge-issued=[^;]+/.exec(bob)?.[0]
    clock.now += 1
    expect((await send(ask({ headers: { cookie: `${cookiesFor()}; ${stamp}` } }))).code).toBe('ERR_ACCESS_REVOKED')
  })
})

test('sign-out, and the next user’s mint, take away what renewals set', async () => {
  const { send } = gate()
  const grants = async (sub: string) => {
    const reply = await send(withSession(await token({ sub }), ask({ path: `/users/${sub}/x` })))
    const cookie = reply.cookies.find(({ name }) => name.startsWith('edge-grants-'))
    return `${cookie?.name}=${cookie?.value}`
  }
  const cookie = `${await grants('alice')}; ${await grants('bob')}`
  const out = await send({ method: 'DELETE', headers: { cookie } })
  const expired = (reply: Reply) =>
    reply.cookies
      .filter(({ name, attributes }) => name === 'CloudFront-Policy' && attributes.get('max-age') === '0')
      .map(({ attributes }) => attributes.get('path'))
  expect(expired(out)).toEqual(['/users/alice/', '/users/bob/'])
  const mint = await send(withSession(await token({ sub: 'bob' }), { headers: { cookie } }))
  expect(expired(mint)).toEqual(['/users/alice/'])
  for (const reply of [out, mint]) {
    const gone = reply.cookies.filter(({ name }) => name.startsWith('edge-grants-'))
    expect(gone.map(({ attributes }) => attributes.get('max-age'))).toEqual(['0', '0'])
  }
})

test('a stage that leaves the files to CloudFront answers for none of them', async () => {
  const reply = await edgeFunction(configOf()).send(ask({ headers: { cookie: cookiesFor() } }))
  expect([reply.status, reply.code]).toEqual([501, 'ERR_NOT_IMPLEMENTED'])
})

describe('a path whose prefix has a reserved character', () => {
  const raw = '/users/a@b.example/x@1'
  const served = '/users/a%40b.example/x@1'

  test('sends a navigation to the address that is served, with its query and no cookie', async () => {
    for (const method of ['GET', 'HEAD']) {
      const reply = await gate().send(ask({ method, path: raw, query: 'v=1&w=@', headers: navigation }))
      expect([reply.status, reply.header('location'), reply.lines]).toEqual([307, `${served}?v=1&w=@`, []])
      expect(reply.header('cache-control')).toBe('no-store')
    }
  })

  test('ends there: the address is renewed and then passes', async () => {
    const { send, pass } = gate()
    const jwt = await token({ sub: 'a@b.example' })
    const reply = await send(withSession(jwt, { path: raw, headers: navigation }))
    expect(reply.header('location')).toBe(served)
    const renewed = await send(withSession(jwt, { path: served, headers: navigation }))
    expect([renewed.status, renewed.header('location')]).toEqual([307, served])
    expect(await pass(ask({ path: served, headers: { ...navigation, cookie: kept(renewed) } }))).toMatchObject({
      uri: served,
    })
  })

  test.each<[string, Ask]>([
    ['a fetch', { path: raw }],
    ['a fetch with a Bearer session', { path: raw, headers: { authorization: 'Bearer x' } }],
    ['a raw +', { path: '/users/a+b/x', headers: navigation }],
    ['a signed URL', { path: raw, query: 'Signature=x', headers: navigation }],
  ])('is refused for %s', async (_, request) => {
    const reply = await gate().send(ask(request))
    expect([reply.status, reply.header('location')]).toEqual([400, undefined])
    expect(reply.text).toContain('ERR_PATH_RESERVED')
  })

  test.each([
    '//evil.example/a@b/x',
    '/\\evil.example/a@b/x',
    '/users//a@b/x',
    '/users/a@b/../x',
    '/users/a@b%2Fx/y',
    '/users/%2540a@b\n/y',
    '/other/a@b/x',
  ])('redirects %j nowhere', async (path) => {
    const reply = await gate().send(ask({ path, headers: navigation }))
    expect(reply.header('location')).toBeUndefined()
  })

  test('never leaves the host, for any path', async () => {
    const { send } = gate()
    const piece = fc.constantFrom(
      '/',
      '//',
      '\\',
      '@',
      ':',
      'users',
      'a',
      '..',
      '%2F',
      '%40',
      '%2540',
      '+',
      '?',
      '#',
      'evil.example',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const path = `/users/${pieces.join('')}`
        const location = (await send(ask({ path, headers: navigation }))).header('location')
        if (location === undefined) return
        const url = new URL(location, 'https://cdn.example.com/')
        expect(url.host).toBe('cdn.example.com')
        expect(decodeURIComponent(url.pathname)).toBe(decodeURIComponent(path))
        expect((await send(ask({ path: url.pathname, headers: navigation }))).header('location')).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})
