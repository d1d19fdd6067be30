import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  configOf,
  distributionHost,
  edgeFunction,
  edgeGrantsOf,
  navigation,
  pathsOf,
  type Reply,
  token,
  unavailable,
  withSession,
} from './edge.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

const end = '/_edge/session/end'

/** Name, Path and Domain of each deleted cookie. */
function deleted(reply: Reply): string[] {
  for (const { value, attributes } of reply.cookies) {
    expect([value, attributes.get('max-age'), attributes.has('secure')]).toEqual(['', '0', true])
  }
  return reply.cookies.map(({ name, attributes }) =>
    [name, attributes.get('path'), attributes.get('domain')].filter(Boolean).join(' '),
  )
}

const grantCookies = (prefix: string, domain = '') =>
  [
    'CloudFront-Policy',
    'CloudFront-Signature',
    'CloudFront-Key-Pair-Id',
    'CloudFront-Hash-Algorithm',
    'edge-issued',
  ].map((name) => `${name} ${prefix}${domain && ` ${domain}`}`)

describe('DELETE /_edge/session', () => {
  test('clears exactly what was set, and the app session', async () => {
    const { send } = edgeFunction()
    const minted = await send(withSession(await token({ team: 'red' })))
    const reply = await send({ method: 'DELETE', headers: { cookie: edgeGrantsOf(minted) } })
    expect(reply.status).toBe(204)
    expect(reply.header('clear-site-data')).toBe('"cache"')
    expect(reply.raw).not.toHaveProperty('body')
    expect(reply.header('cache-control')).toBe('no-store')
    expect(deleted(reply)).toEqual([
      ...grantCookies('/users/alice/'),
      ...grantCookies('/teams/red/'),
      'edge-grants /_edge/',
      '__Host-session /',
    ])
  })

  test('needs no session and, without edge-grants, no keys', async () => {
    const { send, stores } = edgeFunction()
    stores.secret = unavailable('ERR_KEYS_UNAVAILABLE')
    const reply = await send({ method: 'DELETE' })
    expect([reply.status, deleted(reply)]).toEqual([204, ['edge-grants /_edge/', '__Host-session /']])
    const unchecked = await send({ method: 'DELETE', headers: { cookie: 'edge-grants=x.y' } })
    expect([unchecked.status, unchecked.code, unchecked.lines]).toEqual([503, 'ERR_KEYS_UNAVAILABLE', []])
  })

  test('does not believe forged grants', async () => {
    const payload = Buffer.from('["/users/bob/"]').toString('base64url')
    const reply = await edgeFunction().send({ method: 'DELETE', headers: { cookie: `edge-grants=${payload}.AAAA` } })
    expect(pathsOf(reply)).toEqual({ set: [], expired: [] })
  })

  test('leaves the app session where the stage says so', async () => {
    const { send } = edgeFunction(configOf({ signOut: { endSession: false } }))
    expect(deleted(await send({ method: 'DELETE' }))).toEqual(['edge-grants /_edge/'])
  })

  test('clears host-only cookies and those of the domain', async () => {
    const stage = { cookies: { domain: 'example.com' } }
    const { send } = edgeFunction(configOf(stage, { cookieName: 'app' }))
    const minted = await send({ headers: { cookie: `app=${await token()}` } })
    const reply = await send({ method: 'DELETE', headers: { cookie: edgeGrantsOf(minted) } })
    expect(deleted(reply)).toEqual([
      ...grantCookies('/users/alice/'),
      ...grantCookies('/users/alice/', 'example.com'),
      'edge-grants /_edge/',
      'edge-grants /_edge/ example.com',
      'app /',
      'app / example.com',
    ])
    // A browser drops a __Host- cookie with Domain, and so its deletion.
    const hostOnly = await edgeFunction(configOf(stage)).send({ method: 'DELETE' })
    expect(deleted(hostOnly).slice(2)).toEqual(['__Host-session /'])
  })

  test.each([
    [403, { origin: 'https://evil.test' }],
    [403, { origin: `http://${distributionHost}` }],
    [403, { 'sec-fetch-site': 'cross-site' }],
    [204, { origin: 'https://app.example.com', 'sec-fetch-site': 'same-site' }],
    [204, { origin: `https://${distributionHost}`, 'sec-fetch-site': 'same-origin' }],
    [204, {}],
  ])('answers %d to %j', async (status, headers) => {
    const reply = await edgeFunction().send({ method: 'DELETE', headers: headers as Record<string, string> })
    expect(reply.status).toBe(status)
    if (status === 403) expect([reply.code, reply.lines]).toEqual(['ERR_CROSS_SITE', []])
  })
})

describe('GET /_edge/session/end', () => {
  test('clears the same and goes on', async () => {
    const { send } = edgeFunction()
    const minted = await send(withSession(await token()))
    const reply = await send({
      path: end,
      query: 'return=/bye',
      headers: { ...navigation, 'sec-fetch-site': 'same-origin', 'sec-fetch-user': '?1', cookie: edgeGrantsOf(minted) },
    })
    expect([reply.status, reply.header('location'), reply.text]).toEqual([303, '/bye', ''])
    expect(deleted(reply)).toEqual([...grantCookies('/users/alice/'), 'edge-grants /_edge/', '__Host-session /'])
  })

  test('goes to the root without return, and to an allowed origin with it', async () => {
    const { send } = edgeFunction()
    expect((await send({ path: end })).header('location')).toBe('/')
    const away = await send({ path: end, query: 'return=https://app.example.com/login' })
    expect(away.header('location')).toBe('https://app.example.com/login')
  })

  test.each([
    [403, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
    [403, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    [403, { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
    [403, { origin: 'https://evil.test' }],
    [303, { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' }],
    [303, { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
    [303, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }],
    [303, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    [403, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    [403, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'video' }],
    [303, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate', 'sec-fetch-user': '?1' }],
    // A redirect in a file, with nobody clicking.
    [403, { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' }],
    [303, {}],
  ])('answers %d to %j', async (status, headers) => {
    const reply = await edgeFunction().send({ path: end, headers: headers as Record<string, string> })
    expect(reply.status).toBe(status)
    if (status === 403) expect(reply.lines).toEqual([])
  })

  test('lets an app on this origin navigate without a click', async () => {
    const headers = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' }
    const { send } = edgeFunction(configOf({ appOrigin: 'app.internal.example.com' }))
    expect((await send({ path: end, headers })).status).toBe(303)
  })
})

describe('return, for sign-in and sign-out alike', () => {
  const treacherous = [
    '//evil.test',
    '///evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '/\t/evil.test',
    '/\n/evil.test',
    '\t//evil.test',
    '/x\r\nSet-Cookie: a=b',
    '/x\u0000',
    '/x\u0085y',
    '/users/alice/../bob/x',
    '/users/alice/..',
    '/./x',
    '/users//x',
    '/%2Fevil.test',
    '/%5Cevil.test',
    '/%2f%2fevil.test',
    '/%09/evil.test',
    '/%252Fevil.test',
    '/%25252Fevil.test',
    '/%255Cevil.test',
    '/%2e%2e/evil.test',
    '/%252e%252e/x',
    '/%0d%0aSet-Cookie:a=b',
    '/%250d%250a',
    '/%ff',
    '/%',
    '/x%2',
    '/a%25/%252f/b%25',
    'https://evil.test/',
    'https://app.example.com.evil.test/',
    'https://app.example.com@evil.test/',
    'https://user:pass@app.example.com/',
    'https://app.example.com\\@evil.test/',
    'https:/evil.test',
    'https:evil.test',
    'http://app.example.com/',
    'https://app.example.com:8443/',
    'HTTPS://evil.test',
    'javascript:alert(1)',
    'data:text/html,x',
    'evil.test',
    '',
    '?x',
    '#x',
    ' /x',
    `/${'x'.repeat(3000)}`,
  ]
  test.each(treacherous)('%j is 400', async (value) => {
    const { send } = edgeFunction()
    const query = `return=${encodeURIComponent(value)}`
    const jwt = await token()
    for (const reply of [
      await send(withSession(jwt, { query, headers: navigation })),
      await send(withSession(jwt, { query })),
      await send({ path: end, query }),
      await send({ query }),
    ]) {
      expect([reply.status, reply.code, reply.lines]).toEqual([400, 'ERR_RETURN_INVALID', []])
      expect(reply.header('location')).toBeUndefined()
    }
  })

  test.each(['return=/a&return=/b', 'return=%', 'return=%ff', 'return=/%C0%AF', 'return=/x%E0%80'])(
    '%s cannot be read: 400',
    async (query) => {
      const reply = await edgeFunction().send({ path: end, query })
      expect([reply.status, reply.code]).toEqual([400, 'ERR_REQUEST_INVALID'])
    },
  )

  test.each([
    ['/100%25.bin', '/100%25.bin'],
    ['/a%252Fb', '/a%252Fb'],
    ['/x?to=https://evil.test//y', '/x?to=https://evil.test//y'],
    ['/x?a=%0d', '/x?a=%0d'],
    ['/a+b', '/a+b'],
    ['/...', '/...'],
    ['http://localhost:5173/x', 'http://localhost:5173/x'],
    ['http://localhost/x', 'http://localhost/x'],
    ['https://app.example.com', 'https://app.example.com/'],
    ['/\u65e5\u672c', '/%E6%97%A5%E6%9C%AC'],
  ])('%j is fine', async (value, location) => {
    const reply = await edgeFunction().send({ path: end, query: `x=1&return=${encodeURIComponent(value)}` })
    expect([reply.status, reply.header('location')]).toEqual([303, location])
  })
})
