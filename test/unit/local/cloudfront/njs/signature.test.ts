import { describe, expect, it } from 'vitest'
import { readSignature, type SignatureSubject } from '../../../../../local/cloudfront/njs/signature.ts'
import { toCloudFrontBase64 } from '../../../../../shared/cloudfront/base64.ts'

const now = 1_800_000_000
const policyOf = (resource: string, expires: number, more: object = {}) =>
  toCloudFrontBase64(
    JSON.stringify({
      Statement: [{ Resource: resource, Condition: { DateLessThan: { 'AWS:EpochTime': expires }, ...more } }],
    }),
  )
const cookiesOf = (policy: string, keyPairId = 'K1') =>
  `CloudFront-Policy=${policy}; CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id=${keyPairId}; CloudFront-Hash-Algorithm=SHA256`

function read(cookieHeader: string, changes: Partial<SignatureSubject> = {}) {
  const subject = { url: 'https://h/users/alice/x', querystring: '', cookieHeader, clientIp: '192.0.2.7', now }
  return readSignature({ ...subject, ...changes }, 'refuse')
}

describe('readSignature', () => {
  it('gives the verifier each field of a request that the policy covers', () => {
    const policy = policyOf('https://h/users/alice/*', now + 1)
    expect(read(`a=b; ${cookiesOf(policy)}`)).toMatchObject({
      fields: { keyPairId: 'K1', hashAlgorithm: 'SHA256', signature: 'AAAA', encodedPolicy: policy },
      unmatchedUrl: undefined,
    })
  })

  it.each([
    ['the last second', policyOf('https://h/users/alice/*', now), 'AccessDenied', 'expired'],
    ['another prefix', policyOf('https://h/users/bob/*', now + 1), 'AccessDenied', 'resource'],
    ['a longer name', policyOf('https://h/users/al/*', now + 1), 'AccessDenied', 'resource'],
    ['another file', policyOf('https://h/users/alice/y', now + 1), 'AccessDenied', 'resource'],
    [
      'another address',
      policyOf('https://h/users/alice/*', now + 1, { IpAddress: { 'AWS:SourceIp': '198.51.100.1' } }),
      'AccessDenied',
      'ip',
    ],
    ['no policy', toCloudFrontBase64('{}'), 'MalformedPolicy', 'unreadable-MalformedPolicy'],
    ['milliseconds', policyOf('https://h/*', now * 1000), 'MalformedPolicy', 'unreadable-MalformedPolicy'],
  ])('refuses %s', (_what, policy, code, reason) => expect(read(cookiesOf(policy))).toEqual({ code, reason }))

  it.each(['https://h/*/alice/*', 'https://h/users/alice/?', '*', 'http*://h/*'])(
    'leaves the pattern %s to the verifier, which matches after the signature, or refuses it in a cookie',
    (resource) => {
      const result = read(cookiesOf(policyOf(resource, now + 1)))
      if (resource.startsWith('https://')) expect(result).toMatchObject({ unmatchedUrl: 'https://h/users/alice/x' })
      else expect(result).toMatchObject({ code: 'MalformedPolicy' })
    },
  )

  it('reads a signed URL and no cookie where the query has one of its parameters', () => {
    const cookies = cookiesOf(policyOf('https://h/*', now + 1))
    expect(read(cookies, { querystring: 'Expires=1' })).toMatchObject({ code: 'MissingKey' })
  })
})
