import { describe, expect, it } from 'vitest'
import { skewHint } from '../../../cli/explain/checks/policy.ts'
import { deliverCookies } from '../../../cli/explain/cookie-delivery.ts'
import { parseRequestUrl } from '../../../cli/input/request-url.ts'
import { formatNetscapeJar, parseNetscapeJar, type StoredCookie } from '../../../cli/input/stored-cookies.ts'
import { parseDuration, parseTime, showDuration } from '../../../cli/input/time.ts'
import { now } from './command-line.ts'

const cookie = (name: string, changes: Partial<StoredCookie> = {}): StoredCookie => ({
  name: `CloudFront-${name}`,
  value: 'v',
  domain: 'cdn.example.com',
  hostOnly: true,
  path: '/users/alice/',
  secure: true,
  expires: undefined,
  sameSite: undefined,
  ...changes,
})
const set = (changes: Partial<StoredCookie> = {}) =>
  ['Policy', 'Signature', 'Key-Pair-Id'].map((name) => cookie(name, changes))
const deliver = (
  stored: StoredCookie[],
  url = 'https://cdn.example.com/users/alice/x',
  page?: string,
  navigation = false,
) =>
  deliverCookies(stored, {
    request: parseRequestUrl(url),
    now,
    page: page === undefined ? undefined : parseRequestUrl(page),
    navigation,
  })

describe('deliverCookies', () => {
  const held: [what: string, obstacle: string | undefined, delivery: () => ReturnType<typeof deliver>][] = [
    ['its own host', undefined, () => deliver(set())],
    ['a subdomain, host-only', 'domain', () => deliver(set(), 'https://a.cdn.example.com/users/alice/x')],
    [
      'a subdomain, with Domain',
      undefined,
      () => deliver(set({ hostOnly: false }), 'https://a.cdn.example.com/users/alice/x'),
    ],
    [
      'a name with the same ending',
      'domain',
      () => deliver(set({ hostOnly: false }), 'https://evilcdn.example.com/users/alice/x'),
    ],
    ['the prefix without its slash', 'path', () => deliver(set(), 'https://cdn.example.com/users/alice')],
    ['another case', 'path', () => deliver(set(), 'https://cdn.example.com/users/Alice/x')],
    [
      'plain http on a loopback name',
      undefined,
      () => deliver(set({ domain: 'cdn.localhost' }), 'http://cdn.localhost:8080/users/alice/x'),
    ],
    ['plain http elsewhere', 'secure', () => deliver(set(), 'http://cdn.example.com/users/alice/x')],
    ['the second in which it expires', 'lifetime', () => deliver(set({ expires: now }))],
    ['a sibling host of one site', undefined, () => deliver(set(), undefined, 'https://app.example.com/')],
    ['the same site over http', 'same-site', () => deliver(set(), undefined, 'http://app.example.com/')],
    [
      'two sites under a public suffix',
      'same-site',
      () => deliver(set({ domain: 'a.github.io' }), 'https://a.github.io/users/alice/x', 'https://b.github.io/'),
    ],
    [
      'two names under localhost',
      'same-site',
      () => deliver(set({ domain: 'cdn.localhost' }), 'http://cdn.localhost/users/alice/x', 'http://app.localhost/'),
    ],
    [
      'a Strict cookie on a navigation',
      'same-site',
      () => deliver(set({ sameSite: 'strict' }), undefined, 'https://b.test/', true),
    ],
    ['a None cookie', undefined, () => deliver(set({ sameSite: 'none' }), undefined, 'https://b.test/')],
  ]
  it.each(held)('names the rule that withholds cookies: %s', (_what, obstacle, delivery) => {
    expect(delivery().obstacle).toBe(obstacle)
    expect(delivery().sent.length).toBe(obstacle === undefined ? 3 : 0)
  })

  it('sends longer paths first, and no cookie of the app', () => {
    const session = { ...cookie('x', { path: '/' }), name: 'session' }
    const { sent } = deliver([session, ...set({ path: '/' }), ...set()])
    expect(sent.map(({ path }) => path)).toEqual(['/users/alice/', '/users/alice/', '/users/alice/', '/', '/', '/'])
  })

  it('accepts Expires instead of a policy, and names the rule that withholds it', () => {
    const canned = (changes: Partial<StoredCookie> = {}) => [cookie('Expires', changes), ...set(changes).slice(1)]
    expect(deliver(canned()).sent).toHaveLength(3)
    expect(deliver(canned({ path: '/teams/red/' })).withheld).toHaveLength(3)
    expect(deliver([...canned(), cookie('Policy', { path: '/teams/red/' })]).obstacle).toBeUndefined()
  })

  it('names the rule that stopped the cookies closest to being sent', () => {
    expect(deliver([...set({ path: '/teams/red/' }), ...set({ expires: now - 1 })]).obstacle).toBe('lifetime')
    const { obstacle, withheld } = deliver([...set({ domain: 'b.test' }), ...set({ path: '/teams/red/' })])
    expect({ obstacle, paths: withheld.map(({ path }) => path) }).toEqual({
      obstacle: 'path',
      paths: Array(3).fill('/teams/red/'),
    })
  })
})

describe('the Netscape jar', () => {
  it('is read as it was written', () => {
    const cookies = [
      cookie('Policy', { expires: now }),
      cookie('Signature', { hostOnly: false, secure: false, value: '' }),
    ]
    expect(parseNetscapeJar(formatNetscapeJar(cookies))).toEqual(cookies)
  })

  it('is refused if a line is not a cookie, without repeating the line', () => {
    const wrong = () => parseNetscapeJar('# Netscape HTTP Cookie File\nsecret-value\n')
    expect(wrong).toThrow(
      expect.objectContaining({ code: 'ERR_REQUEST_INVALID', message: expect.stringContaining('line 2') }),
    )
    expect(wrong).not.toThrow(/secret/)
  })
})

describe('times', () => {
  it('are read in each format', () => {
    const forms = [
      'now',
      '1893456000',
      '2030-01-01T00:00:00Z',
      '2030-01-01T02:00:00+02:00',
      'Tue, 01 Jan 2030 00:00:00 GMT',
    ]
    expect(forms.map((form) => parseTime(form, '--at', now))).toEqual(forms.map(() => now))
    expect(parseTime('+15m', '--at', now) - parseTime('-1h', '--at', now)).toBe(900 + 3600)
    expect(['90', '90s', '2m', '1h', '7d'].map((form) => parseDuration(form, '--x'))).toEqual([
      90, 90, 120, 3600, 604_800,
    ])
  })

  it.each(['', 'soon', '2030-01-01', '2030-01-01T00:00:00', '+', '1.5', '0x10'])(
    'are refused otherwise: %j',
    (text) => {
      expect(() => parseTime(text, '--at', now)).toThrow(expect.objectContaining({ code: 'ERR_REQUEST_INVALID' }))
    },
  )

  it('are shown in two units', () => {
    expect([0, 59, 61, 3600, 90_061].map(showDuration)).toEqual(['0 s', '59 s', '1 min 1 s', '1 h', '1 d 1 h'])
  })

  it('hint at a wrong clock if they are off by little, or the response has another time', () => {
    expect(skewHint(20, undefined, now)).toContain('time server')
    expect(skewHint(20_000, undefined, now)).toBe('')
    expect(skewHint(20_000, now - 120, now)).toContain('2 min')
    expect(skewHint(20_000, now - 5, now)).toBe('')
  })
})
