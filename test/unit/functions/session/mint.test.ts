import { createPublicKey } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fitsOneResponse } from '../../../../functions/session/grant-cookies.ts'
import { fromCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'
import { checkPolicy, parsePolicy } from '../../../../shared/cloudfront/parse-policy.ts'
import { verifySignature } from '../../../../shared/cloudfront/verify.ts'
import { verifyStamp } from '../../../../shared/revocation/stamp.ts'
import { ecPublicPem, rsaPrivatePem, rsaPublicPem } from '../../fixtures/key-pairs.ts'
import {
  configOf,
  distributionHost,
  edgeFunction,
  edgeGrantsOf,
  keyDocument,
  keyPairId,
  navigation,
  pathsOf,
  type Reply,
  stampKey,
  start,
  token,
  withSession,
} from './edge.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

const publicKeys = new Map([[keyPairId, createPublicKey(ecPublicPem)]])
const ipHeaders = { 'x-forwarded-for': '198.51.100.1' }

/** The cookies of one prefix, by name. */
function cookiesOf(reply: Reply, path: string): Record<string, string> {
  return Object.fromEntries(
    reply.cookies
      .filter(({ attributes, value }) => attributes.get('path') === path && value !== '')
      .map(({ name, value }) => [name, value]),
  )
}

function policyOf(reply: Reply, path: string): string {
  return fromCloudFrontBase64(cookiesOf(reply, path)['CloudFront-Policy'] ?? '')?.toString() ?? ''
}

function verdict(reply: Reply, path: string): string {
  const cookies = cookiesOf(reply, path)
  return verifySignature(
    {
      policyJson: policyOf(reply, path),
      signature: cookies['CloudFront-Signature'] ?? '',
      keyPairId: cookies['CloudFront-Key-Pair-Id'] ?? '',
      hashAlgorithm: cookies['CloudFront-Hash-Algorithm'] === 'SHA256' ? 'SHA256' : 'SHA1',
    },
    publicKeys,
  )
}

describe('a fetch with a good session', () => {
  test('gets the times, the prefixes and cookies that the public key verifies', async () => {
    const reply = await edgeFunction().send(withSession(await token({ team: ['red', 'blue'] })))
    expect(reply.status).toBe(200)
    expect(JSON.parse(reply.text)).toEqual({
      expiresAt: '2026-01-01T01:00:00Z',
      refreshAt: '2026-01-01T00:48:00Z',
      prefixes: ['/users/alice/', '/teams/red/', '/teams/blue/'],
    })
    for (const path of ['/users/alice/', '/teams/red/', '/teams/blue/']) {
      expect(verdict(reply, path)).toBe('valid')
      const policy = parsePolicy(policyOf(reply, path))
      expect(policy).toEqual({
        resource: `https://${distributionHost}${path}*`,
        expires: start + 3600,
        notBefore: start - 60,
        ipAddress: undefined,
      })
      const stamp = cookiesOf(reply, path)['edge-issued'] ?? ''
      expect(verifyStamp(stampKey, distributionHost, path, stamp)).toBe(start)
    }
  })

  test('gets cookies for scripts and other sites out of reach, as long as the policy', async () => {
    const reply = await edgeFunction().send(withSession(await token({ exp: start + 600 })))
    expect(reply.cookies.map(({ name }) => name)).toEqual([
      'CloudFront-Policy',
      'CloudFront-Signature',
      'CloudFront-Key-Pair-Id',
      'CloudFront-Hash-Algorithm',
      'edge-issued',
      'edge-grants',
    ])
    for (const { name, attributes } of reply.cookies) {
      expect([...attributes.keys()].sort()).toEqual(['httponly', 'max-age', 'path', 'samesite', 'secure'])
      expect(attributes.get('samesite')).toBe('Lax')
      expect(attributes.get('max-age')).toBe('600')
      expect(attributes.get('path')).toBe(name === 'edge-grants' ? '/_edge/' : '/users/alice/')
    }
    expect(JSON.parse(reply.text)).toMatchObject({
      expiresAt: '2026-01-01T00:10:00Z',
      refreshAt: '2026-01-01T00:08:00Z',
    })
  })

  test('is kept by no cache and read by allowed origins only', async () => {
    const { send } = edgeFunction()
    const jwt = await token()
    const allowed = await send(withSession(jwt, { headers: { origin: 'http://localhost:5173' } }))
    expect(allowed.header('cache-control')).toBe('no-store')
    expect(allowed.header('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(allowed.header('access-control-allow-credentials')).toBe('true')
    expect(allowed.header('vary')).toBe('Origin')
    expect(allowed.header('cross-origin-resource-policy')).toBe('same-site')
    expect(allowed.header('x-content-type-options')).toBe('nosniff')
    const foreign = await send(withSession(jwt, { headers: { origin: 'https://app.example.com.evil.test' } }))
    expect(foreign.header('access-control-allow-origin')).toBeUndefined()
    expect(foreign.header('vary')).toBe('Origin')
  })

  test('may be a POST from an allowed origin, and not one from elsewhere', async () => {
    const { send } = edgeFunction()
    const jwt = await token()
    const post = (headers: Record<string, string>) => send(withSession(jwt, { method: 'POST', headers }))
    expect((await post({})).status).toBe(200)
    expect((await post({ origin: 'https://app.example.com' })).status).toBe(200)
    expect((await post({ origin: `https://${distributionHost}` })).status).toBe(200)
    for (const headers of [
      { origin: 'https://evil.test' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
    ]) {
      const reply = await post(headers as unknown as Record<string, string>)
      expect([reply.status, reply.code]).toEqual([403, 'ERR_CROSS_SITE'])
      expect(reply.lines).toEqual([])
    }
  })

  test('repeats the same policy for the same second: byte-stable', async () => {
    const { send } = edgeFunction()
    const jwt = await token()
    const replies = [await send(withSession(jwt)), await send(withSession(jwt))]
    expect(new Set(replies.map((reply) => policyOf(reply, '/users/alice/'))).size).toBe(1)
    expect(policyOf(replies[0] as Reply, '/users/alice/')).toBe(
      `{"Statement":[{"Resource":"https://${distributionHost}/users/alice/*","Condition":{"DateLessThan":{"AWS:EpochTime":${start + 3600}},"DateGreaterThan":{"AWS:EpochTime":${start - 60}}}}]}`,
    )
  })
})

describe('the host of a policy', () => {
  const host = async (config: Parameters<typeof configOf>[0], header: string) =>
    edgeFunction(configOf(config)).send(withSession(await token(), { headers: { host: header } }))
  const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/x'

  test("is the request's, where it is the distribution's or an alias, in lower case", async () => {
    const aliased = { aliases: ['cdn.example.com'], certificateArn }
    expect(policyOf(await host(aliased, distributionHost.toUpperCase()), '/users/alice/')).toContain(
      `https://${distributionHost}/`,
    )
    expect(policyOf(await host(aliased, 'cdn.example.com'), '/users/alice/')).toContain('https://cdn.example.com/')
  })

  test.each(['evil.test', '', '*', `${distributionHost}.evil.test`, 'other.cloudfront.net'])(
    'is refused where it is %j',
    async (name) => {
      const reply = await host({}, name)
      expect([reply.status, reply.code]).toEqual([400, 'ERR_HOST_UNKNOWN'])
    },
  )

  test('is cdnHost, where the stage has one', async () => {
    const reply = await host({ cdnHost: 'files.example.com', certificateArn }, distributionHost)
    expect(policyOf(reply, '/users/alice/')).toContain('https://files.example.com/users/alice/*')
  })
})

describe('cookies.ipBinding', () => {
  const bound = () => edgeFunction(configOf({ cookies: { ipBinding: true } }))

  test("binds the policy to the viewer's address as CloudFront saw it", async () => {
    const reply = await bound().send(withSession(await token(), { headers: ipHeaders }))
    const policy = parsePolicy(policyOf(reply, '/users/alice/'))
    expect(policy?.ipAddress).toBe('203.0.113.7/32')
    const url = `https://${distributionHost}/users/alice/x`
    expect(policy && checkPolicy(policy, { url, now: start, clientIp: '203.0.113.7' })).toBeUndefined()
    expect(policy && checkPolicy(policy, { url, now: start, clientIp: '198.51.100.1' })).toBe('ip')
  })

  test('refuses a viewer with an IPv6 address', async () => {
    const reply = await bound().send(withSession(await token(), { clientIp: '2001:db8::1' }))
    expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_VIEWER_ADDRESS', []])
  })
})

describe('a navigation', () => {
  const go = async (query: string, config = configOf(), claims = {}) =>
    edgeFunction(config).send(withSession(await token(claims), { query, headers: navigation }))

  test('goes on to a path below a granted prefix, with the cookies', async () => {
    const reply = await go(`return=${encodeURIComponent('/users/alice/a%20b.html?x=1#y')}`)
    expect(reply.status).toBe(303)
    expect(reply.header('location')).toBe('/users/alice/a%20b.html?x=1#y')
    expect(reply.text).toBe('')
    expect(reply.header('cache-control')).toBe('no-store')
    expect(pathsOf(reply).set).toEqual(['/users/alice/'])
  })

  test('that wants to go nowhere gets its cookies and a page for a person', async () => {
    const reply = await go('')
    expect([reply.status, reply.header('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(reply.header('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; /)
    expect(reply.header('cache-control')).toBe('no-store')
    expect(pathsOf(reply).set).toEqual(['/users/alice/'])
    expect(reply.text).not.toMatch(/alice|CloudFront/)
  })

  test('is known by Accept where there is no Sec-Fetch-Mode', async () => {
    const { send } = edgeFunction()
    const jwt = await token()
    const query = 'return=/users/alice/x'
    expect((await send(withSession(jwt, { query, headers: { accept: 'text/html,*/*' } }))).status).toBe(303)
    const cors = { accept: 'text/html', 'sec-fetch-mode': 'cors' }
    expect((await send(withSession(jwt, { query, headers: cors }))).status).toBe(200)
  })

  test('goes on to an allowed origin', async () => {
    const reply = await go(`return=${encodeURIComponent('https://app.example.com/files?a=b')}`)
    expect([reply.status, reply.header('location')]).toEqual([303, 'https://app.example.com/files?a=b'])
  })

  test.each([
    '/users/bob/x',
    '/users/alice2/x',
    '/users/alice',
    '/',
    '/public/x',
    '/_edge/session/end',
    '/api/docs',
    // Another spelling of a granted path, which the guard refuses.
    '/users/alice/%61',
    '/users/alice/%c3%a9',
    '/users/alice/a%2Fb',
  ])('to %s, where its cookies do not help, gets a page and none of them', async (path) => {
    const reply = await go(`return=${encodeURIComponent(path)}`)
    expect(reply.status).toBe(403)
    expect(reply.header('content-type')).toBe('text/html; charset=utf-8')
    expect(reply.text).toContain('ERR_RETURN_NOT_GRANTED')
    const own = `<a href="/_edge/session/end?return=${encodeURIComponent(path)}">`
    expect(reply.text).toContain(own)
    expect(reply.text.replace(own, '')).not.toContain(path.length > 1 ? path : 'return')
    expect(reply.lines).toEqual([])
  })

  test.each([
    ['/users/a@b.example/x@1?v=a@b#@', 'a@b.example', '/users/a%40b.example/x@1?v=a@b#@'],
    ['/users/a%40b.example/x', 'a@b.example', '/users/a%40b.example/x'],
    ["/users/(a):b='c'/é", "(a):b='c'", '/users/%28a%29%3Ab%3D%27c%27/%C3%A9'],
  ])('to %s goes on to the address that is served', async (path, sub, location) => {
    const reply = await go(`return=${encodeURIComponent(path)}`, configOf(), { sub })
    expect([reply.status, reply.header('location')]).toEqual([303, location])
  })

  test.each([
    ['/users/bob@b.example/x', 'a@b.example', 403, 'ERR_RETURN_NOT_GRANTED'],
    ['/users/a%2540b.example/x', 'a@b.example', 403, 'ERR_RETURN_NOT_GRANTED'],
    ['/users/A@b.example/x', 'a@b.example', 403, 'ERR_RETURN_NOT_GRANTED'],
    ['/users/a@b.example', 'a@b.example', 403, 'ERR_RETURN_NOT_GRANTED'],
    ['/users@x/a@b.example/x', 'a@b.example', 403, 'ERR_RETURN_NOT_GRANTED'],
    ['/users/a+b@b.example/x', 'a+b@b.example', 400, 'ERR_PATH_RESERVED'],
    ['/users/a+b/x', 'a b', 400, 'ERR_PATH_RESERVED'],
    ['//users/a@b.example/x', 'a@b.example', 400, 'ERR_RETURN_INVALID'],
    ['/users/a@b.example/..%2Fx', 'a@b.example', 400, 'ERR_RETURN_INVALID'],
  ])('to %s gets no other address', async (path, sub, status, code) => {
    const reply = await go(`return=${encodeURIComponent(path)}`, configOf(), { sub })
    expect([reply.status, reply.header('location')]).toEqual([status, undefined])
    expect(reply.text).toContain(code)
  })

  test("goes on to the app's paths where there is an app, and to nobody else's", async () => {
    const config = configOf({ appOrigin: 'app.internal.example.com' })
    expect((await go('return=/dashboard', config)).header('location')).toBe('/dashboard')
    expect((await go('return=/', config)).status).toBe(303)
    for (const path of [
      '/users/bob/x',
      '/teams/red/x',
      '/_edge/session/end',
      '/_state/revocations.json',
      '/public/x',
    ]) {
      expect((await go(`return=${path}`, config)).status).toBe(403)
    }
  })

  test('without return gets the JSON', async () => {
    expect((await go('')).status).toBe(200)
  })

  test('encodes what was decoded, so that Location is ASCII', async () => {
    const reply = await go('return=/users/al%20%C3%A9/x%20y', configOf(), { sub: 'al é' })
    expect([reply.status, reply.header('location')]).toEqual([303, '/users/al%20%C3%A9/x%20y'])
  })
})

describe('what was granted before', () => {
  test("is expired for another user, and so is a claim that is gone; what stays isn't", async () => {
    const { send } = edgeFunction()
    const alice = await send(withSession(await token({ team: ['red', 'blue'] })))
    const cookie = edgeGrantsOf(alice)
    const bob = await send(withSession(await token({ sub: 'bob', team: 'red' }), { headers: { cookie } }))
    expect(pathsOf(bob)).toEqual({ set: ['/users/bob/', '/teams/red/'], expired: ['/users/alice/', '/teams/blue/'] })
    const expired = bob.cookies.filter(({ attributes }) => attributes.get('path') === '/users/alice/')
    expect(expired.map(({ name, value }) => [name, value])).toEqual([
      ['CloudFront-Policy', ''],
      ['CloudFront-Signature', ''],
      ['CloudFront-Key-Pair-Id', ''],
      ['CloudFront-Hash-Algorithm', ''],
      ['edge-issued', ''],
    ])
  })

  test('is not believed without our HMAC', async () => {
    const { send } = edgeFunction()
    const good = edgeGrantsOf(await send(withSession(await token())))
    const [payload, mac] = good.slice('edge-grants='.length).split('.')
    const other = Buffer.from('["/users/carol/"]').toString('base64url')
    for (const value of [
      `${other}.${mac}`,
      `${payload}.`,
      `${payload}`,
      '.',
      '',
      'a.b.c',
      '%ff',
      `${payload}.${mac}A`,
    ]) {
      const reply = await send(
        withSession(await token({ sub: 'bob' }), { headers: { cookie: `edge-grants=${value}` } }),
      )
      expect(reply.status).toBe(200)
      expect(pathsOf(reply)).toEqual({ set: ['/users/bob/'], expired: [] })
    }
  })

  test('is expired too where the new session is granted nothing, or something else than it asked for', async () => {
    const { send } = edgeFunction(configOf({ grants: ['/teams/{claims.team}/*'] }))
    const cookie = edgeGrantsOf(await send(withSession(await token({ team: 'red' }))))
    const none = await send(withSession(await token({}), { headers: { cookie } }))
    expect([none.status, none.code]).toEqual([403, 'ERR_GRANT_NONE'])
    expect(pathsOf(none)).toEqual({ set: [], expired: ['/teams/red/'] })
    expect(none.cookies.find(({ name }) => name === 'edge-grants')?.attributes.get('max-age')).toBe('0')
    const elsewhere = await send(
      withSession(await token({ team: 'blue' }), { query: 'return=/teams/red/x', headers: { cookie, ...navigation } }),
    )
    expect(elsewhere.status).toBe(403)
    expect(pathsOf(elsewhere)).toEqual({ set: [], expired: ['/teams/red/'] })
  })

  test('makes room on the next try where both together are too much for one response', async () => {
    const { send } = edgeFunction()
    const teams = (name: string) => Array.from({ length: 7 }, (_, i) => `${name}${i}`)
    const first = await send(withSession(await token({ team: teams('a') })))
    expect([first.status, pathsOf(first).set.length]).toEqual([200, 8])
    const jwt = await token({ sub: 'bob', team: teams('b') })
    for (const method of ['GET', 'POST']) {
      const query = 'return=/users/bob/'
      const again = await send(withSession(jwt, { method, query, headers: { cookie: edgeGrantsOf(first) } }))
      expect([again.status, again.header('location')]).toEqual([307, `/_edge/session?${query}`])
      expect(pathsOf(again)).toEqual({ set: [], expired: pathsOf(first).set })
      expect(again.lines.length).toBeLessThan(48)
      const second = await send(withSession(jwt, { method, headers: { cookie: edgeGrantsOf(again) } }))
      expect([second.status, pathsOf(second).set.length]).toEqual([200, 8])
    }
  })

  test('makes room in the same way where the cookies have a domain', async () => {
    const { send } = edgeFunction(configOf({ cookies: { domain: 'example.com' } }))
    const first = await send(withSession(await token({ team: ['a', 'b', 'c'] })))
    expect(first.status).toBe(200)
    const jwt = await token({ team: ['a', 'b', 'd'] })
    const again = await send(withSession(jwt, { headers: { cookie: edgeGrantsOf(first) } }))
    expect([again.status, again.lines.length < 48]).toEqual([307, true])
    expect((await send(withSession(jwt, { headers: { cookie: edgeGrantsOf(again) } }))).status).toBe(200)
  })
})

describe('the limits of a response', () => {
  test('8 grants of the longest prefixes fit', async () => {
    const team = Array.from({ length: 7 }, (_, i) => `${i}${'x'.repeat(380)}`)
    const reply = await edgeFunction().send(withSession(await token({ team })))
    expect(reply.status).toBe(200)
    expect(reply.lines.length).toBeLessThan(48)
    expect(reply.lines.join('').length).toBeLessThan(32 * 1024)
  })

  test('8 grants whose cookies are more than a response holds are refused, not tried again and again', async () => {
    const team = Array.from({ length: 7 }, (_, i) => `${i}${'x'.repeat(391)}`)
    const { send, stores } = edgeFunction()
    const [ec] = keyDocument.keys
    const rsa = { ...ec, algorithm: 'RS256', privateKey: rsaPrivatePem, publicKey: rsaPublicPem }
    stores.secret = () => JSON.stringify({ ...keyDocument, keys: [rsa] })
    const session = await token({ sub: 'x'.repeat(392), team })
    for (const cookie of ['', edgeGrantsOf(await send(withSession(await token())))]) {
      const reply = await send(withSession(session, cookie === '' ? {} : { headers: { cookie } }))
      expect([reply.status, reply.code]).toEqual([403, 'ERR_GRANT_TOO_MANY'])
      expect(pathsOf(reply)).toEqual({ set: [], expired: cookie === '' ? [] : ['/users/alice/'] })
    }
  })

  test('are 47 lines and 30 KB of Set-Cookie fields', () => {
    const field = 'set-cookie: \r\n'.length
    const of = (count: number, length: number) => Array.from({ length: count }, () => 'x'.repeat(length))
    expect([fitsOneResponse(of(47, 1)), fitsOneResponse(of(48, 1))]).toEqual([true, false])
    expect([fitsOneResponse(of(30, 1024 - field)), fitsOneResponse([...of(30, 1024 - field), ''])]).toEqual([
      true,
      false,
    ])
  })

  test('9 grants do not, and 5 not with a domain', async () => {
    const many = async (count: number, domain: string | null) => {
      const team = Array.from({ length: count - 1 }, (_, i) => `t${i}`)
      return edgeFunction(configOf({ cookies: { domain } })).send(withSession(await token({ team })))
    }
    expect((await many(9, null)).code).toBe('ERR_GRANT_TOO_MANY')
    expect((await many(5, 'cloudfront.net')).code).toBe('ERR_GRANT_TOO_MANY')
    const four = await many(4, 'cloudfront.net')
    expect(four.status).toBe(200)
    expect(four.lines.length).toBeLessThan(48)
    const edgeGrants = four.cookies.filter(({ name }) => name === 'edge-grants')
    expect(edgeGrants.map(({ value, attributes }) => [value === '', attributes.get('domain')])).toEqual([
      [true, undefined],
      [false, 'cloudfront.net'],
    ])
  })
})

describe('hostile claims', () => {
  const cases: [string, unknown][] = [
    ['*', '*'],
    ['?', '?'],
    ['a slash', 'a/b'],
    ['a backslash', 'a\\b'],
    ['dots', '..'],
    ['a dot', '.'],
    ['a control character', 'a\u0000b'],
    ['a line break', 'a\r\nSet-Cookie: x=y'],
    ['10 KB', 'x'.repeat(10_240)],
    ['a lone surrogate', '\ud800'],
    ['a number', 7],
    ['an object', { a: 1 }],
    ["a group's path", '/red'],
  ]
  test.each(cases)('%s gives no grant, is logged, and leaves the others alone', async (_, team) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const reply = await edgeFunction().send(withSession(await token({ team } as never)))
    expect([reply.status, pathsOf(reply).set]).toEqual([200, ['/users/alice/']])
    expect(warn.mock.calls).toEqual([
      ['{"level":"warn","code":"ERR_GRANT_CLAIM","reason":"claim:team","requestId":"request-1"}'],
    ])
    const listed = await edgeFunction().send(withSession(await token({ team: ['ok', team] } as never)))
    expect(pathsOf(listed).set).toEqual(['/users/alice/', '/teams/ok/'])
  })

  test.each(cases)('%s refuses a session that has nothing else', async (_, team) => {
    const { send } = edgeFunction(configOf({ grants: ['/teams/{claims.team}/*'] }))
    const reply = await send(withSession(await token({ team } as never)))
    expect([reply.status, reply.code, reply.lines]).toEqual([403, 'ERR_GRANT_CLAIM', []])
  })

  test('a semicolon or a space is encoded', async () => {
    const reply = await edgeFunction().send(withSession(await token({ team: 'a; Domain=evil.test' })))
    expect(pathsOf(reply).set).toEqual(['/users/alice/', '/teams/a%3B%20Domain%3Devil.test/'])
  })
})
