import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'
import { describe, expect, test } from 'vitest'
import {
  keysFromPem,
  type SignUrlOptions,
  signCookies,
  signFolderUrl,
  signUrl,
  signUrls,
} from '../../../package/server.ts'
import { checkPolicy, readSignedRequest } from '../../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../../shared/cloudfront/verify.ts'
import { parsePemKey } from '../../../shared/keys/pem-key.ts'
import { ecPrivatePem, rsaPrivatePem } from '../fixtures/key-pairs.ts'

const now = new Date('2026-11-26T12:00:00Z')
const expires = new Date('2026-11-26T13:00:00Z')
const keyPairId = 'KTEST'
const rsa = (hash: 'SHA1' | 'SHA256') => keysFromPem({ keyPairId, privateKey: rsaPrivatePem, hash })
const ec = keysFromPem({ keyPairId, privateKey: ecPrivatePem })

/** CloudFront's decision about a request. */
function decision(request: { url: string; cookie?: string }, pem: string, at = now): string {
  const [url = '', querystring = ''] = request.url.split(/\?(.*)/s)
  const read = readSignedRequest({ url, querystring, cookieHeader: request.cookie ?? '' }, 'refuse')
  if ('refusal' in read) return read.refusal
  const signature = verifySignature(read, new Map([[keyPairId, parsePemKey(keyPairId, pem).publicKey]]))
  if (signature !== 'valid') return signature
  return checkPolicy(read.policy, { url: read.url, now: at.getTime() / 1000, clientIp: '192.0.2.1' }) ?? 'granted'
}

const urls = [
  'https://cdn.example.com/users/alice/disk.raw',
  'https://cdn.example.com/users/alice/my disk.raw',
  'https://cdn.example.com/users/alice/a%20b%2Bc.raw',
  'https://cdn.example.com/users/älice/日本語 🗻.raw',
  "https://cdn.example.com/a+b/c@d/e(f)/g'h!/i&j=k,l;m:n$o",
  'https://cdn.example.com/100%/a%zz',
  'https://cdn.example.com/a?v=1',
  'https://cdn.example.com/a?name=é x&flag&empty=&b=%e2%82%ac+1',
  "https://cdn.example.com/a?b='c'&&d=(e)",
  'https://cdn.example.com/',
]

describe('signUrl', () => {
  describe.each(['SHA1', 'SHA256'] as const)("gives what AWS's signer gives with RSA and %s", (algorithm) => {
    const common = { keyPairId, privateKey: rsaPrivatePem, dateLessThan: expires, algorithm }

    test.each(urls)('for %s', async (url) => {
      const keys = rsa(algorithm)
      const canned = getSignedUrl({ ...common, url })
      expect(canned).toContain('Expires=')
      expect(await signUrl({ keys, url, expires, now })).toBe(canned)
      const custom = getSignedUrl({ ...common, url, dateGreaterThan: now, ipAddress: '192.0.2.1' })
      expect(custom).toContain('Policy=')
      expect(await signUrl({ keys, url, expires, now, notBefore: now, ipAddress: '192.0.2.1' })).toBe(custom)
    })
  })

  test.each(urls)('gives with P-256 what opens %s and no other', async (url) => {
    for (const policy of ['canned', 'custom'] as const) {
      const signed = await signUrl({ keys: ec, url, expires, now, policy })
      expect(decision({ url: signed }, ecPrivatePem)).toBe('granted')
      expect(decision({ url: signed }, ecPrivatePem, expires)).toBe('expired')
      expect(decision({ url: signed.replace('cdn.example.com/', 'cdn.example.com/x') }, ecPrivatePem)).not.toBe(
        'granted',
      )
      // The same URL signed by AWS's signer is accepted on the same terms.
      const theirs = getSignedUrl({
        url,
        keyPairId,
        privateKey: ecPrivatePem,
        dateLessThan: expires,
        algorithm: 'SHA256',
      })
      expect(decision({ url: theirs }, ecPrivatePem)).toBe('granted')
    }
  })

  test('keeps an encoded asterisk, which is no wildcard', async () => {
    const signed = await signUrl({ keys: ec, url: 'https://cdn.example.com/a%2Ab', expires, now, policy: 'custom' })
    expect(signed).toContain('/a%2Ab?')
    expect(decision({ url: signed.replace('a%2Ab', 'aXXXb') }, ecPrivatePem)).toBe('resource')
  })

  test('signs 1,000 URLs in one call, in order, and no more', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `https://cdn.example.com/users/alice/${i}.jpg`)
    const signed = await signUrls({ keys: ec, urls: many, expires, now })
    expect(signed.map((url) => url.slice(0, url.indexOf('?')))).toEqual(many)
    await expect(signUrls({ keys: ec, urls: [...many, 'https://cdn.example.com/'], now })).rejects.toMatchObject({
      name: 'InputError',
      fields: ['urls'],
    })
  })

  test.each<[string, Partial<SignUrlOptions>]>([
    ['url', { url: '' }],
    ['url', { url: '/users/alice/a' }],
    ['url', { url: 'http://cdn.example.com/a' }],
    ['url', { url: 'https://cdn.example.com' }],
    ['url', { url: 'https://alice@cdn.example.com/a' }],
    ['url', { url: 'https://*.example.com/a' }],
    ['url', { url: 'https://cdn.example.com/users/*' }],
    ['url', { url: 'https://cdn.example.com/a?b=*' }],
    ['url', { url: 'https://cdn.example.com/a#b' }],
    ['url', { url: 'https://cdn.example.com/a\nb' }],
    ['url', { url: 'https://cdn.example.com/a\\b' }],
    ['url', { url: 'https://cdn.example.com/users/alice/../bob/x' }],
    ['url', { url: 'https://cdn.example.com/users/alice/%2e%2E/bob/x' }],
    ['url', { url: 'https://cdn.example.com/users/alice/..%2Fbob/x' }],
    ['url', { url: 'https://cdn.example.com/users/alice%5C..%5Cbob' }],
    ['url', { url: 'https://cdn.example.com/a%00b' }],
    ['url', { url: 'https://cdn.example.com/\ud800' }],
    ['url', { url: 'https://cdn.example.com/a?Policy=x' }],
    ['url', { url: 'https://cdn.example.com/a?x=1&Expires=1' }],
    ['url', { url: 'https://cdn.example.com/a?Key%2DPair-Id=1&Signature' }],
    ['url', { url: undefined as unknown as string }],
    ['url', { url: { toString: () => 'https://cdn.example.com/a' } as unknown as string }],
    ['expiresIn', { expiresIn: 0 }],
    ['expiresIn', { expiresIn: -1 }],
    ['expiresIn', { expiresIn: 0.5 }],
    ['expiresIn', { expiresIn: Number.NaN }],
    ['expiresIn', { expiresIn: '3600' as unknown as number }],
    ['expiresIn', { expiresIn: Number.MAX_SAFE_INTEGER }],
    ['expires', { expires: now }],
    ['expires', { expires: new Date(Number.NaN) }],
    ['expires', { expires: new Date(expires.getTime() / 1000) }],
    ['expires', { expires: new Date(expires.getTime() * 1000) }],
    ['expires', { expires: expires.getTime() as unknown as Date }],
    ['expires', { expires, expiresIn: 60 }],
    ['notBefore', { expires, notBefore: expires }],
    ['policy', { notBefore: now, policy: 'canned' }],
    ['policy', { ipAddress: '192.0.2.1', policy: 'canned' }],
    ['policy', { policy: 'other' as 'canned' }],
    ['now', { now: new Date(0) }],
    ['now', { now: new Date(Number.NaN) }],
  ])('names %s, and quotes no value, for %j', async (field, options) => {
    const refused = signUrl({ keys: ec, url: 'https://cdn.example.com/a', now, ...options })
    const error = await refused.then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error).toMatchObject({ name: 'InputError', code: 'ERR_REQUEST_INVALID', fields: [field] })
    expect(error?.message).toMatch(new RegExp(`^${field} `))
    if (typeof options.url === 'string' && options.url !== '') expect(error?.message).not.toContain(options.url)
  })

  test.each(['::1', '192.0.2.0/24', '192.0.2.256', '1.2.3', 'localhost'])(
    'refuses the address %s',
    async (ipAddress) => {
      await expect(signUrl({ keys: ec, url: 'https://cdn.example.com/a', now, ipAddress })).rejects.toMatchObject({
        code: 'ERR_VIEWER_ADDRESS',
      })
    },
  )
})

describe('signFolderUrl', () => {
  test('opens each file of the folder and none beside it', async () => {
    const url = 'https://cdn.example.com/users/alice/'
    const { baseUrl, querystring, expiresAt } = await signFolderUrl({ keys: ec, url, expires, now })
    expect(baseUrl).toBe(url)
    expect(expiresAt).toEqual(expires)
    expect(decision({ url: `${baseUrl}deep/a%20b.raw?${querystring}` }, ecPrivatePem)).toBe('granted')
    expect(decision({ url: `https://cdn.example.com/users/alice2/a?${querystring}` }, ecPrivatePem)).toBe('resource')
  })

  test('takes the pattern of a policy, too', async () => {
    const options = { keys: rsa('SHA1'), expires, now }
    const url = 'https://cdn.example.com/users/alice/'
    expect(await signFolderUrl({ ...options, url: `${url}*` })).toEqual(await signFolderUrl({ ...options, url }))
  })

  test.each([
    'https://cdn.example.com/',
    'https://cdn.example.com/users/alice',
    'https://*/users/alice/',
    'https://cdn.example.com/*/',
  ])('refuses %s', async (url) => {
    await expect(signFolderUrl({ keys: ec, url, now })).rejects.toMatchObject({ fields: ['url'] })
  })
})

describe('signCookies', () => {
  const prefix = 'https://cdn.example.com/users/alice/*'

  test.each(['SHA1', 'SHA256'] as const)("gives what AWS's signer gives with RSA and %s", async (algorithm) => {
    const common = { keyPairId, privateKey: rsaPrivatePem, algorithm }
    const epochSeconds = expires.getTime() / 1000
    const policy = JSON.stringify({
      Statement: [{ Resource: prefix, Condition: { DateLessThan: { 'AWS:EpochTime': epochSeconds } } }],
    })
    const signed = await signCookies({ keys: rsa(algorithm), url: prefix, expires, now })
    expect(signed.cookies).toEqual(getSignedCookies({ ...common, policy }))
    const url = 'https://cdn.example.com/users/alice/disk%201.raw?v=1'
    const canned = getSignedCookies({ ...common, url, dateLessThan: expires })
    expect((await signCookies({ keys: rsa(algorithm), url, expires, now })).cookies).toEqual({
      ...canned,
      'CloudFront-Expires': String(epochSeconds),
    })
    const custom = getSignedCookies({
      ...common,
      url,
      dateLessThan: expires,
      dateGreaterThan: now,
      ipAddress: '192.0.2.1',
    })
    const conditions = { notBefore: now, ipAddress: '192.0.2.1' }
    expect((await signCookies({ keys: rsa(algorithm), url, expires, now, ...conditions })).cookies).toEqual(custom)
  })

  test.each([ecPrivatePem, rsaPrivatePem])('opens the prefix and nothing beside it', async (pem) => {
    const keys = keysFromPem({ keyPairId, privateKey: pem })
    const signed = await signCookies({ keys, url: prefix, expires, now })
    expect(signed).toMatchObject({ host: 'cdn.example.com', path: '/users/alice/', expiresAt: expires, maxAge: 3600 })
    const cookie = Object.entries(signed.cookies)
      .map(([name, value]) => `${name}=${value}`)
      .join('; ')
    expect(decision({ url: 'https://cdn.example.com/users/alice/a.raw', cookie }, pem)).toBe('granted')
    expect(decision({ url: 'https://cdn.example.com/users/alice2/a.raw', cookie }, pem)).toBe('resource')
  })

  test('has no canned policy for a prefix', async () => {
    await expect(signCookies({ keys: ec, url: prefix, now, policy: 'canned' })).rejects.toMatchObject({
      fields: ['policy'],
    })
  })
})
