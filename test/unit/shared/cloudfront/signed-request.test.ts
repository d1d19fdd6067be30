import { describe, expect, test } from 'vitest'
import { toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'
import {
  type DuplicateRule,
  isSignedUrl,
  readSignedRequest,
  type SignedRequest,
} from '../../../../shared/cloudfront/signed-request.ts'
import { vectorPolicy, vectorPolicyBase64 } from '../../fixtures/policy-vectors.ts'

const url = 'https://cdn.example.com/users/alice%40example.com/disk.raw'
const inUrl = `Policy=${vectorPolicyBase64}&Signature=abcd&Key-Pair-Id=KURL`
const inCookies = `CloudFront-Policy=${vectorPolicyBase64}; CloudFront-Signature=abcd; CloudFront-Key-Pair-Id=KCOOKIE`

function read(querystring: string, cookieHeader = '', duplicates: DuplicateRule = 'refuse') {
  return readSignedRequest({ url, querystring, cookieHeader }, duplicates)
}

describe('readSignedRequest', () => {
  test('reads cookies', () => {
    const read1 = read('', `a=b; ${inCookies}; CloudFront-Hash-Algorithm=SHA256`)
    expect(read1).toMatchObject({
      source: 'cookies',
      policyJson: vectorPolicy,
      signature: 'abcd',
      keyPairId: 'KCOOKIE',
      hashAlgorithm: 'SHA256',
      url,
      querystring: '',
    } satisfies Partial<SignedRequest>)
  })

  test('takes only spaces and tabs away from a cookie: a name with another white space is another name', () => {
    expect(read('', `\t ${inCookies} \t`)).toMatchObject({ source: 'cookies', keyPairId: 'KCOOKIE' })
    for (const space of ['\u00a0', '\u2003', '\ufeff']) {
      expect(read('', inCookies.replace('CloudFront-Key', `${space}CloudFront-Key`))).toEqual({ refusal: 'MissingKey' })
    }
  })

  test('takes the policy for one with SHA-1 where no marker came', () => {
    expect(read('', inCookies)).toMatchObject({ hashAlgorithm: 'SHA1' })
    expect(read(inUrl)).toMatchObject({ hashAlgorithm: 'SHA1' })
  })

  test('prefers a signed URL and takes its parameters away, others stay as sent', () => {
    expect(read(`b=%7e&${inUrl}&Hash-Algorithm=SHA256&a=1&&`, inCookies)).toMatchObject({
      source: 'url',
      keyPairId: 'KURL',
      hashAlgorithm: 'SHA256',
      url: `${url}?b=%7e&a=1&&`,
      querystring: 'b=%7e&a=1&&',
    })
  })

  test.each(['Expires=1', 'Policy=x', 'Signature=x', 'Hash-Algorithm=SHA1', 'Key-Pair-Id', 'Expires', 'a=1&Policy='])(
    'ignores good cookies when the URL has %s',
    (query) => {
      expect(isSignedUrl(query)).toBe(true)
      expect(read(query, inCookies)).toEqual({ refusal: 'MissingKey' })
    },
  )

  test.each(['', 'expires=1', 'policy=x', 'XPolicy=x', 'Policy2=x', 'a=Policy', 'a&b=1'])(
    'uses cookies when the URL has %j',
    (query) => {
      expect(isSignedUrl(query)).toBe(false)
      expect(read(query, inCookies)).toMatchObject({ source: 'cookies', querystring: query })
    },
  )

  test('undoes the escapes of a value', () => {
    expect(read('Expires=%35&Signature=%61bcd&Key-Pair-Id=%4B')).toMatchObject({ signature: 'abcd', keyPairId: 'K' })
  })

  test('rebuilds a canned policy from the URL, with the rest of the query', () => {
    const policyJson = `{"Statement":[{"Resource":"${url}?v=1","Condition":{"DateLessThan":{"AWS:EpochTime":1767229200}}}]}`
    expect(read('Expires=1767229200&v=1&Signature=abcd&Key-Pair-Id=K')).toMatchObject({ source: 'url', policyJson })
    const cookies = 'CloudFront-Expires=1767229200; CloudFront-Signature=abcd; CloudFront-Key-Pair-Id=K'
    expect(read('v=1', cookies)).toMatchObject({ source: 'cookies', policyJson })
  })

  test.each<[string, string, string]>([
    ['nothing at all', '', 'MissingKey'],
    ['other cookies', 'session=1; cloudfront-key-pair-id=K', 'MissingKey'],
    ['no key id', inCookies.replace('Key-Pair-Id', 'Key'), 'MissingKey'],
    ['an empty key id', inCookies.replace('KCOOKIE', ''), 'MissingKey'],
    ['no policy', inCookies.replace('CloudFront-Policy', 'Policy'), 'MalformedPolicy'],
    ['a policy and an expiry', `${inCookies}; CloudFront-Expires=1767229200`, 'MalformedPolicy'],
    [
      'a policy in plain base64',
      inCookies.replace(vectorPolicyBase64, `${vectorPolicyBase64.slice(0, -4)}ab==`),
      'MalformedPolicy',
    ],
    ['a policy that is no policy', inCookies.replace(vectorPolicyBase64, toCloudFrontBase64('{}')), 'MalformedPolicy'],
    [
      'a policy that is no UTF-8',
      inCookies.replace(
        vectorPolicyBase64,
        toCloudFrontBase64(Buffer.from(vectorPolicy.replace('alice', '\xff'), 'latin1')),
      ),
      'MalformedPolicy',
    ],
    ['no signature', inCookies.replace('Signature', 'S'), 'MalformedSignature'],
    ['a signature in plain base64', inCookies.replace('abcd', 'ab+d'), 'MalformedSignature'],
    ['an unknown hash', `${inCookies}; CloudFront-Hash-Algorithm=SHA512`, 'AccessDenied'],
    ['a hash in lower case', `${inCookies}; CloudFront-Hash-Algorithm=sha256`, 'AccessDenied'],
  ])('refuses %s', (_what, cookies, refusal) => expect(read('', cookies)).toEqual({ refusal }))

  test.each(['K ', ' K', 'K 1', 'K\n', 'K\t', 'k', 'K-1', 'K_1', 'K%20', 'K\0', '\u00c9', 'K'.repeat(65)])(
    'refuses the key id %j as unknown',
    (id) => {
      expect(read(inUrl.replace('KURL', encodeURIComponent(id)))).toEqual({ refusal: 'InvalidKey' })
      if (id.trim() === id) {
        expect(read('', inCookies.replace('KCOOKIE', id))).toEqual({ refusal: 'InvalidKey' })
      }
    },
  )

  test.each(['abcd ', 'ab d', 'abcd\n', 'abc', 'abcd_', 'ab__cd__', '____', 'abc=', 'ab+/', '', 'a'.repeat(1028)])(
    'refuses the signature %j',
    (signature) =>
      expect(read(inUrl.replace('abcd', encodeURIComponent(signature)))).toEqual({ refusal: 'MalformedSignature' }),
  )

  test.each([' ', '\n', 'A', '_', '\u00e9'])('refuses a policy with %j behind it', (more) => {
    const policy = encodeURIComponent(vectorPolicyBase64 + more)
    expect(read(inUrl.replace(vectorPolicyBase64, policy))).toEqual({ refusal: 'MalformedPolicy' })
  })

  test('refuses a policy that is longer than any URL that it could cover', () => {
    const policy = vectorPolicy.replace('*', `${'a'.repeat(9300)}*`)
    expect(read(inUrl.replace(vectorPolicyBase64, toCloudFrontBase64(policy)))).toEqual({ refusal: 'MalformedPolicy' })
  })

  test('refuses a cookie whose Resource does not begin with its scheme, which that of a URL need not', () => {
    for (const resource of ['*', 'http*://h/*', '//h/*', 'ftp://h/*']) {
      const policy = toCloudFrontBase64(vectorPolicy.replace(/"Resource":"[^"]*"/, `"Resource":"${resource}"`))
      expect(read('', inCookies.replace(vectorPolicyBase64, policy))).toEqual({ refusal: 'MalformedPolicy' })
      expect(read(inUrl.replace(vectorPolicyBase64, policy))).toMatchObject({ source: 'url' })
    }
  })

  test.each(['0', '', '1.5', '-1', '1e9', '01', ' 1', '9999999999999999'])('refuses the expiry %j', (expires) =>
    expect(read(`Expires=${expires}&Signature=abcd&Key-Pair-Id=K`)).toEqual({ refusal: 'MalformedPolicy' }),
  )

  test('refuses a name that comes twice, unless told which one counts', () => {
    for (const [query, cookies] of [
      [`${inUrl}&Key-Pair-Id=KLAST`, ''],
      ['', `${inCookies}; CloudFront-Key-Pair-Id=KLAST`],
    ] as const) {
      expect(read(query, cookies)).toEqual({ refusal: 'AccessDenied' })
      expect(read(query, cookies, 'first')).toMatchObject({ keyPairId: query === '' ? 'KCOOKIE' : 'KURL' })
      expect(read(query, cookies, 'last')).toMatchObject({ keyPairId: 'KLAST' })
    }
    expect(read(inUrl, `${inCookies}; ${inCookies}`)).toMatchObject({ source: 'url' })
  })

  test('does not see what every object inherits', () => {
    expect(read('constructor=1&__proto__=2', 'CloudFront-constructor=1; CloudFront-__proto__=2')).toEqual({
      refusal: 'MissingKey',
    })
  })
})
