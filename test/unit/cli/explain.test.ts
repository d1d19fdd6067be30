import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { type ExplainInput, parseInput } from '../../../cli/explain/input.ts'
import { edgeVerdict, explain } from '../../../cli/explain/report.ts'
import { parseRequestUrl } from '../../../cli/input/request-url.ts'
import { expiredGrantCookies, grantCookies } from '../../../shared/cloudfront/cookies.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { parseKeyDocument, publicKeysOf } from '../../../shared/keys/key-document.ts'
import { issueStamp } from '../../../shared/revocation/stamp.ts'
import { signOutMarker } from '../../../shared/session/sign-out-marker.ts'
import {
  cannedCookies,
  cookieHeader,
  policyFor,
  signedCookies,
  urlWithCannedPolicy,
  urlWithPolicy,
} from '../../support/policy-signer.ts'
import { makeFolder, now, run } from './command-line.ts'
import { keyDocument, makeKey } from './keys.ts'

const folder = makeFolder()
afterAll(() => folder.remove())

const key = makeKey('KEC0000000001', 'ES256')
const stampKey = 'c3RhbXAta2V5LXN0YW1wLWtleS1zdGFtcC1rZXktMTIz'
const keyJson = keyDocument([key], stampKey)
const keys = folder.write('keys.json', keyJson)
const publicKeys = publicKeysOf(parseKeyDocument(keyJson))

const host = 'cdn.example.com'
const url = `https://${host}/users/alice/disk.img`
const conditions = { resource: `https://${host}/users/alice/*`, expires: now + 600 }
const cookies = () => signedCookies(key, policyFor(conditions))

/** Headers of a mint, as `curl -D` saves them: first the lines that delete older cookies, then the new cookies. */
function mintAnswer(domain: string | null): string {
  const prefix = parseResourcePrefix('/users/alice/')
  const signed = cookies()
  const of = (name: string) => signed.get(`CloudFront-${name}`) ?? ''
  const policy = { policy: of('Policy'), signature: of('Signature'), keyPairId: of('Key-Pair-Id') }
  const stamp = issueStamp(stampKey, host, prefix, now)
  const lines = [
    ...expiredGrantCookies(prefix, { domain }),
    ...grantCookies({ ...policy, hashAlgorithm: 'SHA256' }, stamp, { prefix, maxAge: 600, domain }),
  ]
  return ['HTTP/2 200', 'content-type: application/json', ...lines.map((line) => `set-cookie: ${line}`), '', ''].join(
    '\r\n',
  )
}

const jar = (held = cookies()) =>
  folder.write(
    'jar',
    [...held]
      .map(([name, value]) => `#HttpOnly_${host}\tFALSE\t/users/alice/\tTRUE\t${now + 600}\t${name}\t${value}\n`)
      .join(''),
  )
const state = (entries: readonly unknown[]) => folder.write('state.json', JSON.stringify({ revocations: entries }))
const revocation = { prefix: '/users/alice/', before: now - 100, expires: now + 1000 }
const stamped = (epoch: number) =>
  cookieHeader(cookies().set('edge-issued', issueStamp(stampKey, host, '/users/alice/', epoch)))

/** Cookies made at one time, in a browser that signed out up to another time. */
function signedOut(until: number, made: number): string {
  const own = cookieHeader(signedCookies(key, policyFor({ ...conditions, notBefore: made - 60 })))
  const marker = signOutMarker(new Map(), stampKey, until, { clockSkewSeconds: 1, domain: null })
  return `${own}; ${marker.slice(0, marker.indexOf(';'))}`
}

describe('explain grants', () => {
  const granted: Record<string, () => string[]> = {
    'a cookie header': () => [url, '--cookie', cookieHeader(cookies())],
    'a cookie header as an argument': () => [`Cookie: ${cookieHeader(cookies())}`, url],
    'a cookie header from a file': () => [
      url,
      '--cookie',
      `@${folder.write('cookie', `Cookie: ${cookieHeader(cookies())}\n`)}`,
    ],
    'a cookie header in several lines': () => [
      url,
      '--cookie',
      `@${folder.write('cookies', [...cookies()].map(([name, value]) => `cookie: ${name}=${value}\r\n`).join(''))}`,
    ],
    'a jar': () => [url, '--jar', jar()],
    'cookies with a canned policy': () => [url, '--cookie', cookieHeader(cannedCookies(key, url, now + 600))],
    'a jar of cookies with a canned policy': () => [url, '--jar', jar(cannedCookies(key, url, now + 600))],
    'a jar as an argument': () => [jar(), '--url', url],
    "a mint's answer": () => [
      url,
      '--set-cookie',
      folder.write('mint', mintAnswer(null)),
      '--page',
      'https://app.example.com/',
    ],
    'a mint with Domain, seen from another host of it': () => [
      url,
      '--set-cookie',
      folder.write('mint', mintAnswer('example.com')),
    ],
    'a Lax cookie on a navigation from elsewhere': () => [
      url,
      '--set-cookie',
      folder.write('mint', mintAnswer(null)),
      '--page',
      'https://other.test/',
      '--navigation',
    ],
    'a custom signed URL': () => [urlWithPolicy(key, url, policyFor(conditions))],
    'a canned signed URL with a query string': () => [urlWithCannedPolicy(key, `${url}?v=2`, now + 600)],
    'a signed URL beside invalid cookies': () => [
      urlWithPolicy(key, url, policyFor(conditions)),
      '--cookie',
      'CloudFront-Policy=x',
    ],
    'an address in the block': () => [
      url,
      '--cookie',
      cookieHeader(signedCookies(key, policyFor({ ...conditions, sourceIp: '192.0.2.0/24' }))),
      '--ip',
      '::ffff:192.0.2.9',
    ],
    'cookies minted after a revocation': () => [url, '--cookie', stamped(now), '--revocations', state([revocation])],
    'cookies from after a sign-out': () => [url, '--cookie', signedOut(now - 100, now - 99)],
    'cookies beside a forged sign-out marker': () => [
      url,
      '--cookie',
      `${cookieHeader(signedCookies(key, policyFor({ ...conditions, notBefore: now - 160 })))}; edge-signed-out=${now}.${'A'.repeat(43)}`,
    ],
    'a revocation of another prefix': () => [
      url,
      '--cookie',
      stamped(now),
      '--revocations',
      state([{ ...revocation, prefix: '/users/al/' }]),
    ],
    'plain http on localhost': () => [
      'http://localhost:8080/users/alice/x',
      '--cookie',
      cookieHeader(signedCookies(key, policyFor({ ...conditions, resource: 'https://localhost:8080/users/alice/*' }))),
    ],
    'a saved response, at its own time': () => [
      url,
      '--cookie',
      cookieHeader(signedCookies(key, policyFor({ ...conditions, expires: now - 1000 }))),
      '--response-headers',
      folder.write('h', `HTTP/1.1 200 OK\nDate: ${new Date((now - 2000) * 1000).toUTCString()}\n`),
    ],
  }
  it.each(Object.keys(granted))('%s', async (name) => {
    const { status, out } = await run(['explain', ...(granted[name]?.() ?? []), '--keys', keys])
    expect(out).toContain('GRANTED')
    expect(out).not.toContain('FAIL')
    expect(status).toBe(0)
  })

  it('reads keys from PEM files and from standard input', async () => {
    const pem = folder.write('public.pem', key.publicKey)
    const args = ['explain', url, '--cookie', cookieHeader(cookies())]
    expect((await run([...args, '--keys', `${key.keyPairId}=${pem}`])).status).toBe(0)
    expect((await run([...args, '--keys', '-'], keyJson)).status).toBe(0)
    expect((await run([...args, '--keys', `KOTHER=${pem}`])).out).toContain('key-unknown')
  })
})

describe('explain names a sign-out', () => {
  const held = () =>
    folder.write(
      'jar',
      signedOut(now - 50, now - 50)
        .split('; ')
        .map((pair) => {
          const [name = '', value = ''] = pair.split(/=(.*)/s)
          const path = name === 'edge-signed-out' ? '/' : '/users/alice/'
          return `#HttpOnly_${host}\tFALSE\t${path}\tTRUE\t${now + 600}\t${name}\t${value}\n`
        })
        .join(''),
    )
  it.each([true, false])('that came after the cookies, with the stamp key: %s', async (withStampKey) => {
    const trusted = withStampKey ? keys : `${key.keyPairId}=${folder.write('public.pem', key.publicKey)}`
    for (const given of [
      ['--cookie', signedOut(now - 50, now - 50)],
      ['--jar', held()],
    ]) {
      const { status, out } = await run(['explain', url, ...given, '--keys', trusted, '--json'])
      expect([status, JSON.parse(out).firstFailure, JSON.parse(out).fault]).toEqual([1, 'sign-out', 'signed-out'])
    }
  })

  it('not for a signed URL', async () => {
    const marker = signedOut(now, now).split('; ').at(-1) ?? ''
    const args = [urlWithPolicy(key, url, policyFor({ ...conditions, notBefore: now - 60 })), '--cookie', marker]
    expect((await run(['explain', ...args, '--keys', keys])).status).toBe(0)
  })
})

describe('explain is undecided', () => {
  const open: Record<string, [check: string, args: () => string[]]> = {
    'without keys': ['signature', () => [url, '--cookie', cookieHeader(cookies())]],
    'without a URL': ['resource', () => ['--cookie', cookieHeader(cookies()), '--keys', keys]],
    'without an address': [
      'ip',
      () => [
        url,
        '--cookie',
        cookieHeader(signedCookies(key, policyFor({ ...conditions, sourceIp: '192.0.2.7' }))),
        '--keys',
        keys,
      ],
    ],
  }
  it.each(Object.keys(open))('%s, and does not report access', async (name) => {
    const [check, args] = open[name] ?? ['', () => []]
    const { status, out } = await run(['explain', ...args(), '--json'])
    const report = JSON.parse(out)
    expect(report.verdict).toBe('undecided')
    expect(report.checks.find((result: { check: string }) => result.check === check).status).toBe('unknown')
    expect(status).toBe(1)
  })

  it('about a stamp without the stamp key', async () => {
    const pem = `${key.keyPairId}=${folder.write('public.pem', key.publicKey)}`
    const args = [
      'explain',
      url,
      '--cookie',
      stamped(now),
      '--revocations',
      state([revocation]),
      '--keys',
      pem,
      '--json',
    ]
    const { checks } = JSON.parse((await run(args)).out)
    expect(checks.find((result: { check: string }) => result.check === 'revocation').status).toBe('unknown')
  })
})

describe('explain shows where a Resource differs', () => {
  const differing = async (resource: string, to: string): Promise<string> => {
    const header = cookieHeader(signedCookies(key, policyFor({ ...conditions, resource })))
    const { checks } = JSON.parse((await run(['explain', to, '--cookie', header, '--keys', keys, '--json'])).out)
    const { detail } = checks.find((result: { check: string }) => result.check === 'resource')
    return detail.slice(detail.indexOf('they differ'))
  }

  it('in a query value that is shortened elsewhere, after the ? of the query, which is a wildcard in the Resource', async () => {
    const at = url.length + '?v=2026-11-01-build-'.length + 1
    expect(await differing(`${url}?v=2026-11-01-build-a`, `${url}?v=2026-11-01-build-b`)).toBe(
      `they differ at character ${at}: "…ild-a" against "…ild-b"`,
    )
  })

  it('up to the first *, and if one side ends', async () => {
    const bob = `https://${host}/users/bob/`
    expect(await differing(`${bob}*`, url)).toMatch(
      /^they differ at character 31: "…ers\/bob\/\*" against "…ers\/alice\/di…"$/,
    )
    expect(await differing(url, `${url}s`)).toMatch(/: the end against "….imgs"$/)
  })

  it('without revealing a long value', async () => {
    const token = (last: string) => `${url}?token=${'secret'.repeat(3)}${last}${'secret'.repeat(3)}`
    expect(await differing(token('1'), token('2'))).toMatch(/: "…cret1secrets…" against "…cret2secrets…"$/)
  })
})

describe('explain and the emulated key group', () => {
  const base: ExplainInput = {
    request: parseRequestUrl(url),
    privatePaths: ['/'],
    prefixDepths: {},
    knownHosts: [],
    cookieHeader: '',
    stored: undefined,
    page: undefined,
    navigation: false,
    now,
    clientIp: '192.0.2.1',
    publicKeys,
    stampKey,
    revocations: undefined,
    answer: undefined,
  }

  it('agree about every mangled request', () => {
    const header = cookieHeader(cookies())
    const signed = urlWithPolicy(key, url, policyFor(conditions))
    const mangled = (text: string) =>
      fc
        .tuple(fc.nat(text.length), fc.nat(12), fc.string({ maxLength: 4 }))
        .map(([at, cut, insert]) => text.slice(0, at) + insert.replace(/[#\s]/g, '') + text.slice(at + cut))
    fc.assert(
      fc.property(
        mangled(header),
        fc.option(mangled(signed)),
        fc.integer({ min: -700, max: 700 }),
        (cookie, link, shift) => {
          const request =
            link !== null && /^https:\/\/[^/?#@\s]+([/?#]|$)/.test(link) ? parseRequestUrl(link) : base.request
          const input = parseInput({ ...base, request, cookieHeader: cookie, now: now + shift })
          const report = explain(input)
          const failures = report.results.filter(({ status, by }) => status === 'fail' && by === 'CloudFront')
          expect(failures.length === 0).toBe(edgeVerdict(input) === 'valid')
          expect(report.firstFailure?.check === 'key-group').toBe(false)
        },
      ),
      { numRuns: 500 },
    )
  })
})
