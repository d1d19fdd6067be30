import { expect, it } from 'vitest'
import { toCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import type { Answer } from '../support/http-client.ts'
import {
  cookieHeader,
  type PolicyTerms,
  policyFor,
  signedCookies,
  strangerKey,
  type TrustedKey,
  urlWithCannedPolicy,
  urlWithPolicy,
} from '../support/policy-signer.ts'
import { bobSecret } from './content.ts'
import { describeTargets, epoch, expectNoSecret, keyOf, type Suite } from './suite.ts'

/** Cookies and signed URLs that the edge must judge by itself, made here with AWS's own signer. */
describeTargets('signatures', (suite) => {
  const path = '/users/bob/secret.bin'
  const url = () => `https://${suite.target.host}${path}`
  const terms = (changes: Partial<PolicyTerms> = {}): PolicyTerms => ({
    resource: `https://${suite.target.host}/users/bob/*`,
    expires: epoch() + 300,
    ...changes,
  })
  const withCookies = (cookies: ReadonlyMap<string, string>) =>
    suite.send({ path, connectTo: '127.0.0.1', headers: { cookie: cookieHeader(cookies) } })
  const withPolicy = (policy: string, key: TrustedKey = keyOf(suite.target)) => withCookies(signedCookies(key, policy))
  const good = () => signedCookies(keyOf(suite.target), policyFor(terms()))
  const open = (signed: string) => suite.send({ path: pathOf(signed), connectTo: '127.0.0.1' })

  const accepted: Record<string, () => Partial<PolicyTerms>> = {
    'a prefix': () => ({}),
    'exactly this file': () => ({ resource: url() }),
    'a ? for one character': () => ({ resource: url().replace('secret', 'secre?') }),
    'a start in the past': () => ({ notBefore: epoch() - 10 }),
    'the address of the viewer': () => ({ sourceIp: '127.0.0.1' }),
    'a network of the viewer': () => ({ sourceIp: '127.0.0.0/8' }),
    'any address': () => ({ sourceIp: '0.0.0.0/0' }),
  }
  it.skipIf(!suite.can.key).each(Object.keys(accepted))('accepts cookies for %s', async (name) => {
    const answer = await withPolicy(policyFor(terms(accepted[name]?.())))
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(bobSecret)
  })

  const refused: Record<string, () => Partial<PolicyTerms>> = {
    'a time that is over': () => ({ expires: epoch() - 1 }),
    'a time that is long over': () => ({ expires: 1_000_000_000 }),
    'a start in the future': () => ({ notBefore: epoch() + 200 }),
    'another address': () => ({ sourceIp: '192.0.2.7' }),
    'another network': () => ({ sourceIp: '10.0.0.0/8' }),
    'another prefix': () => ({ resource: `https://${suite.target.host}/users/alice/*` }),
    'a prefix that is only the beginning of a name': () => ({ resource: `https://${suite.target.host}/users/bo/*` }),
    'another file': () => ({ resource: `${url()}x` }),
    'a ? for two characters': () => ({ resource: url().replace('secret', 'secr?') }),
    'another host': () => ({ resource: 'https://other.example/users/bob/*' }),
    'plain http': () => ({ resource: `http://${suite.target.host}/users/bob/*` }),
    'dots taken for any character': () => ({ resource: url().replace('secret.bin', 'secret?.bin') }),
  }
  it.skipIf(!suite.can.key).each(Object.keys(refused))('refuses cookies for %s', async (name) => {
    const answer = await withPolicy(policyFor(terms(refused[name]?.())))
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
  })

  const malformed: Record<string, (policy: string) => string> = {
    'no end': (policy) => policy.replace('DateLessThan', 'DateLess'),
    'an end that is a string': (policy) => policy.replace(/"AWS:EpochTime":(\d+)/, '"AWS:EpochTime":"$1"'),
    'an end that is not whole': (policy) => policy.replace(/"AWS:EpochTime":(\d+)/, '"AWS:EpochTime":$1.5'),
    'no conditions': (policy) => policy.replace(/,"Condition":.*\}\]/, '}]'),
    'no statement': () => '{"Statement":[]}',
    'two statements': (policy) => policy.replace(/\[(.*)\]/, '[$1,$1]'),
    'no JSON': (policy) => policy.slice(1),
    'nothing in it': () => '""',
  }
  it.skipIf(!suite.can.key).each(Object.keys(malformed))('refuses a rightly signed policy with %s', async (name) => {
    const whole = policyFor(terms())
    const broken = malformed[name]?.(whole) ?? whole
    expect(broken).not.toBe(whole)
    const answer = await withPolicy(broken)
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
  })

  const tampered: Record<string, (cookies: Map<string, string>) => unknown> = {
    'a policy of another time': (c) =>
      c.set(
        'CloudFront-Policy',
        cookieValue(signed(suite, policyFor(terms({ expires: epoch() + 9999 }))), 'CloudFront-Policy'),
      ),
    'one bit of the signature changed': (c) =>
      c.set('CloudFront-Signature', flip(cookieValue(c, 'CloudFront-Signature'))),
    'an empty signature': (c) => c.set('CloudFront-Signature', ''),
    'half a signature': (c) => c.set('CloudFront-Signature', cookieValue(c, 'CloudFront-Signature').slice(0, 40)),
    'a signature that is not base64': (c) => c.set('CloudFront-Signature', '%%%%'),
    'a policy that is not base64': (c) => c.set('CloudFront-Policy', '%%%%'),
    'a policy cut short': (c) => c.set('CloudFront-Policy', cookieValue(c, 'CloudFront-Policy').slice(0, -8)),
    'the id of an unknown key': (c) => c.set('CloudFront-Key-Pair-Id', 'KUNKNOWN000000'),
    'the id of a key named like an object property': (c) => c.set('CloudFront-Key-Pair-Id', '__proto__'),
    'no key id': (c) => c.delete('CloudFront-Key-Pair-Id'),
    'no signature': (c) => c.delete('CloudFront-Signature'),
    'no policy': (c) => c.delete('CloudFront-Policy'),
    'no hash marker': (c) => c.delete('CloudFront-Hash-Algorithm'),
    'the hash marker of SHA-1': (c) => c.set('CloudFront-Hash-Algorithm', 'SHA1'),
    'an unknown hash marker': (c) => c.set('CloudFront-Hash-Algorithm', 'MD5'),
  }
  it.skipIf(!suite.can.key).each(Object.keys(tampered))('refuses good cookies with %s', async (name) => {
    const cookies = good()
    expect((await withCookies(cookies)).status, 'before the change').toBe(200)
    tampered[name]?.(cookies)
    const answer = await withCookies(cookies)
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
    expect((await withCookies(good())).status, 'after the change').toBe(200)
  })

  it.skipIf(!suite.can.key)('refuses a signature of a key that nobody trusts under a trusted id', async () => {
    const answer = await withPolicy(policyFor(terms()), strangerKey(keyOf(suite.target)))
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
  })

  it.skipIf(!suite.can.key)('judges the time on every request, not once for each signature', async () => {
    const cookies = signedCookies(keyOf(suite.target), policyFor(terms({ expires: epoch() + 2 })))
    expect((await withCookies(cookies)).status).toBe(200)
    await expect.poll(async () => (await withCookies(cookies)).status, { timeout: 8000, interval: 200 }).toBe(403)
  })

  it.skipIf(!suite.can.key)('judges the path on every request, not once for each signature', async () => {
    const cookie = cookieHeader(good())
    expect((await suite.send({ path, headers: { cookie } })).status).toBe(200)
    for (const other of ['/users/alice2/secret.bin', '/users/alice/one.bin', '/teams/red/notes.txt']) {
      expect((await suite.send({ path: other, headers: { cookie } })).status, other).toBe(403)
    }
  })

  it.skipIf(!suite.can.key || !suite.can.loopback)('judges the address on every request', async () => {
    const cookie = cookieHeader(signedCookies(keyOf(suite.target), policyFor(terms({ sourceIp: '127.0.0.1' }))))
    expect((await suite.send({ path, connectTo: '127.0.0.1', headers: { cookie } })).status).toBe(200)
    expect((await suite.send({ path, connectTo: '::1', headers: { cookie } })).status).toBe(403)
    const claimed = { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' }
    expect((await suite.send({ path, connectTo: '::1', headers: { cookie, ...claimed } })).status).toBe(403)
  })

  it.skipIf(!suite.can.key)('opens a signed URL with a custom policy, for anyone who has it', async () => {
    const answer = await open(urlWithPolicy(keyOf(suite.target), url(), policyFor(terms())))
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(bobSecret)
  })

  it.skipIf(!suite.can.key)(
    'opens a signed URL with a canned policy, also with a query string of its own',
    async () => {
      for (const target of [url(), `${url()}?version=1`]) {
        const answer = await open(urlWithCannedPolicy(keyOf(suite.target), target, epoch() + 300))
        expect(answer.status, target).toBe(200)
        expect(answer.text).toBe(bobSecret)
      }
    },
  )

  it.skipIf(!suite.can.key)('refuses a signed URL that was changed', async () => {
    const key = keyOf(suite.target)
    const canned = urlWithCannedPolicy(key, url(), epoch() + 300)
    const custom = urlWithPolicy(key, url(), policyFor(terms()))
    const changed = [
      canned.replace('/bob/secret.bin', '/alice/one.bin'),
      canned.replace(/Expires=(\d+)/, (_, expires: string) => `Expires=${Number(expires) + 60}`),
      canned.replace('?', '?version=1&'),
      canned.replace(/&Hash-Algorithm=SHA256/, ''),
      canned.replace(/Key-Pair-Id=[^&]+/, 'Key-Pair-Id=KUNKNOWN000000'),
      custom.replace('/bob/secret.bin', '/alice/one.bin'),
      custom.replace(/&?Signature=[^&]+/, ''),
      custom.replace(/Signature=(.)/, (_, first: string) => `Signature=${first === 'M' ? 'N' : 'M'}`),
      urlWithCannedPolicy(key, url(), epoch() - 1),
      urlWithPolicy(strangerKey(key), url(), policyFor(terms())),
    ]
    for (const signed of changed) {
      const answer = await open(signed)
      expect(answer.status, pathOf(signed).replace(/=[^&]*/g, '=…')).toBe(403)
      expectNoSecret(answer)
    }
  })

  it('lets one signed-URL parameter disable good cookies', async () => {
    const alice = await suite.signedIn('alice')
    expect((await alice.send('/users/alice/one.bin?x=1')).status).toBe(200)
    for (const name of ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']) {
      for (const query of [`${name}=1`, `x=1&${name}=`, `${name}`]) {
        const answer = await alice.send(`/users/alice/one.bin?${query}`)
        expect(answer.status, query).toBe(403)
        expect(answer.text).not.toBe('x')
      }
    }
  })

  it.skipIf(!suite.can.key)('opens a good signed URL beside cookies that are no good', async () => {
    const signed = urlWithPolicy(keyOf(suite.target), url(), policyFor(terms()))
    const alice = await (await suite.signedIn('alice')).cookieHeader('/users/alice/')
    for (const cookie of [alice, 'CloudFront-Policy=x; CloudFront-Signature=y; CloudFront-Key-Pair-Id=z']) {
      const answer = await suite.send({ path: pathOf(signed), connectTo: '127.0.0.1', headers: { cookie } })
      expect(answer.status).toBe(200)
      expect(answer.text).toBe(bobSecret)
    }
  })

  /** Fields that hold a good signature of another policy, in the hope that somebody splits them again. */
  const smuggled = (separator: string, own: Partial<PolicyTerms>) => {
    const resource = `https://${suite.target.host}/users/alice/*`
    const cookies = signedCookies(keyOf(suite.target), policyFor(terms({ resource, ...own })))
    const field = (name: string) => cookieValue(cookies, `CloudFront-${name}`)
    const forged = policyFor(terms({ resource: `https://${suite.target.host}/*` }))
    cookies.set('CloudFront-Policy', toCloudFrontBase64(forged))
    const hash = cookies.get('CloudFront-Hash-Algorithm') ?? 'SHA1'
    cookies.set(
      'CloudFront-Key-Pair-Id',
      [field('Key-Pair-Id'), hash, field('Signature'), toCloudFrontBase64(policyFor(terms({ resource, ...own })))].join(
        separator,
      ),
    )
    return cookies
  }
  const asQuery = (cookies: ReadonlyMap<string, string>) =>
    [...cookies].map(([name, value]) => `${name.slice('CloudFront-'.length)}=${encodeURIComponent(value)}`).join('&')

  it.skipIf(!suite.can.key).each([
    ['a space', ' '],
    ['an escaped space', '%20'],
    ['a tab', '\t'],
    ['a comma', ','],
    ['a bar', '|'],
    ['an ampersand', '&'],
  ])('refuses a forged policy beside a key id that holds a good signature, after %s', async (_what, separator) => {
    for (const own of [{}, { expires: epoch() - 10 }]) {
      const cookies = smuggled(separator, own)
      const answers = [
        await withCookies(cookies),
        await suite.send({ path: `${path}?${asQuery(cookies)}`, connectTo: '127.0.0.1' }),
        await suite.send({ path: `${path}?${asQuery(cookies).replaceAll('%20', '+')}`, connectTo: '127.0.0.1' }),
      ]
      for (const answer of answers) {
        expect(answer.status).toBe(403)
        expectNoSecret(answer)
      }
    }
  })

  const strange = [
    ' ',
    '\t',
    '\n',
    '\r\nX-Edge-Policy: x',
    '\0',
    ',',
    '|',
    '"',
    '=',
    '%',
    '\u00e9',
    '\u2028',
    '\ud83d\ude00',
  ]
  const fieldNames = ['Key-Pair-Id', 'Policy', 'Signature', 'Hash-Algorithm']
  it.skipIf(!suite.can.key).each(fieldNames)('refuses a strange character anywhere in %s of a URL', async (name) => {
    for (const character of strange) {
      for (const place of [0, 0.5, 1]) {
        const cookies = good()
        const value = cookieValue(cookies, `CloudFront-${name}`)
        const at = Math.floor(value.length * place)
        cookies.set(`CloudFront-${name}`, value.slice(0, at) + character + value.slice(at))
        const answer = await suite.send({ path: `${path}?${asQuery(cookies)}`, connectTo: '127.0.0.1' })
        expect([answer.status, JSON.stringify(character), place]).toEqual([403, JSON.stringify(character), place])
        expectNoSecret(answer)
      }
    }
  })

  it.skipIf(!suite.can.key).each(fieldNames)('refuses a strange character inside %s of a cookie', async (name) => {
    for (const character of [' ', '\t', ',', '|', '"', '=', '%20', '%0a', '\u00e9', '\u00ff']) {
      const cookies = good()
      const value = cookieValue(cookies, `CloudFront-${name}`)
      cookies.set(`CloudFront-${name}`, value.slice(0, 3) + character + value.slice(3))
      const answer = await withCookies(cookies)
      expect([answer.status, JSON.stringify(character)]).toEqual([403, JSON.stringify(character)])
      expectNoSecret(answer)
    }
  })

  it.skipIf(!suite.can.key)('refuses a policy of a length that no base64 has', async () => {
    for (const cut of [1, 2, 3]) {
      const cookies = good()
      cookies.set('CloudFront-Policy', cookieValue(cookies, 'CloudFront-Policy').replace(/_*$/, '').slice(0, -cut))
      expect((await withCookies(cookies)).status).toBe(403)
    }
  })

  it.skipIf(!suite.can.key).each<[string, (expires: string) => string]>([
    ['with a leading zero', (expires) => `0${expires}`],
    ['with a point behind it', (expires) => `${expires}.`],
    ['with a fraction of zero', (expires) => `${expires}.0`],
    ['with an exponent', (expires) => `${expires}e0`],
    ['in milliseconds', (expires) => `${expires}000`],
    ['of 2^31', () => String(2 ** 31)],
  ])('refuses a rightly signed date %s', async (_what, spell) => {
    const policy = policyFor(terms())
    const changed = policy.replace(/"AWS:EpochTime":(\d+)/, (_, expires: string) => `"AWS:EpochTime":${spell(expires)}`)
    expect(changed).not.toBe(policy)
    const answer = await withPolicy(changed)
    expect(answer.status).toBe(403)
    expectNoSecret(answer)
  })

  it.skipIf(!suite.can.key)('refuses a cookie for any scheme, which a signed URL may be for', async () => {
    const policy = policyFor(terms({ resource: `http*://${suite.target.host}/users/bob/*` }))
    expect((await withPolicy(policy)).status).toBe(403)
    expect((await open(urlWithPolicy(keyOf(suite.target), url(), policy))).text).toBe(bobSecret)
  })

  it.skipIf(!suite.can.key)('opens what a pattern with wildcards inside covers, and nothing else', async () => {
    const cookie = cookieHeader(
      signedCookies(keyOf(suite.target), policyFor(terms({ resource: `https://${suite.target.host}/*/bob/sec?et.*` }))),
    )
    expect((await suite.send({ path, headers: { cookie } })).text).toBe(bobSecret)
    for (const other of ['/users/alice/one.bin', '/users/bob2/secret.bin']) {
      expect((await suite.send({ path: other, headers: { cookie } })).status, other).toBe(403)
    }
    expect((await suite.send({ path, headers: { cookie } })).text).toBe(bobSecret)
  })

  it.skipIf(!suite.can.key)('answers at once to a pattern that takes forever to match, signed or not', async () => {
    const resource = `https://${suite.target.host}/${'*a'.repeat(1200)}*b`
    const long = `/users/bob/${'a'.repeat(4000)}`
    for (const key of [strangerKey(keyOf(suite.target)), keyOf(suite.target)]) {
      const cookie = cookieHeader(signedCookies(key, policyFor(terms({ resource }))))
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => suite.send({ path: long, headers: { cookie } })),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 403))
    }
  })

  it('treats names that objects inherit as unknown names', async () => {
    const alice = await suite.signedIn('alice')
    const cookie = await alice.cookieHeader('/users/alice/')
    const file = '/users/alice/one.bin'
    const protection = (answer: Answer) =>
      ['content-security-policy', 'x-content-type-options', 'cross-origin-resource-policy', 'cache-control'].map(
        (name) => answer.headers[name],
      )
    const plain = await suite.send({ path: file, headers: { cookie } })
    expect(plain.status).toBe(200)
    expect(protection(plain)).not.toContain(undefined)
    for (const name of ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      const variants = [
        { path: `${file}?${name}=x`, headers: { cookie } },
        { path: `${file}?${name}=x&${name}=y`, headers: { cookie } },
        { path: `${file}?${name}`, headers: { cookie } },
        { path: file, headers: { cookie: `${name}=x; ${cookie}; ${name}=y` } },
        { path: file, headers: { cookie, [name]: 'x' } },
      ]
      for (const variant of variants) {
        const answer = await suite.send(variant)
        expect([answer.status, protection(answer)], JSON.stringify([name, variant.path])).toEqual([
          200,
          protection(plain),
        ])
      }
    }
  })
})

function signed(suite: Suite, policy: string): Map<string, string> {
  return signedCookies(keyOf(suite.target), policy)
}

function cookieValue(cookies: ReadonlyMap<string, string>, name: string): string {
  const value = cookies.get(name)
  if (value === undefined) throw new Error(`the signer made no ${name}`)
  return value
}

/** Changes one character in the middle to another of the same alphabet. */
function flip(text: string): string {
  const middle = Math.floor(text.length / 2)
  return `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`
}

function pathOf(url: string): string {
  return url.slice(new URL(url).origin.length)
}
