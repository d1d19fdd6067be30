import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkSignature, type SignatureSubject } from '../../../../local/edge/signature.ts'
import { toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'

const now = 1_800_000_000
const policyOf = (resource: string, expires: number, more: object = {}) =>
  toCloudFrontBase64(
    JSON.stringify({
      Statement: [{ Resource: resource, Condition: { DateLessThan: { 'AWS:EpochTime': expires }, ...more } }],
    }),
  )

/** The same request twice: with the cookies that nginx extracts, and without, which leaves it to the strict reader. */
function bothWays(policy: string, url = 'https://h/users/alice/x') {
  const plain = { policy, signature: 'AAAA', keyPairId: 'K1' }
  const cookieHeader = `CloudFront-Policy=${policy}; CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id=K1; CloudFront-Hash-Algorithm=SHA256`
  const subject: SignatureSubject = {
    url,
    querystring: '',
    cookieHeader,
    clientIp: '192.0.2.7',
    now,
    plainCookies: undefined,
  }
  return [checkSignature({ ...subject, plainCookies: plain }, 'refuse'), checkSignature(subject, 'refuse')] as const
}

describe('checkSignature', () => {
  it('decides in the fast way as in the strict one', () => {
    const resource = fc
      .array(fc.constantFrom('https://h/', 'users/', 'alice/', '*', '?', 'x', 'y'), { maxLength: 6 })
      .map((parts) => parts.join(''))
    const ip = fc.constantFrom(
      {},
      { IpAddress: { 'AWS:SourceIp': '192.0.2.0/24' } },
      { IpAddress: { 'AWS:SourceIp': '192.0.2.8' } },
    )
    fc.assert(
      fc.property(resource, fc.integer({ min: now - 2, max: now + 2 }), ip, (pattern, expires, more) => {
        const [fast, strict] = bothWays(policyOf(pattern, expires, more))
        expect(fast).toEqual(strict)
      }),
    )
  })

  it.each([
    [
      'a covered request',
      policyOf('https://h/users/alice/*', now + 1),
      { question: expect.stringContaining('K1 SHA256 AAAA ') },
    ],
    ['the last second', policyOf('https://h/users/alice/*', now), { code: 'AccessDenied', reason: 'expired' }],
    ['another prefix', policyOf('https://h/users/bob/*', now + 1), { code: 'AccessDenied', reason: 'resource' }],
    ['a longer name', policyOf('https://h/users/al/*', now + 1), { code: 'AccessDenied', reason: 'resource' }],
    [
      'another address',
      policyOf('https://h/users/alice/*', now + 1, { IpAddress: { 'AWS:SourceIp': '198.51.100.1' } }),
      { code: 'AccessDenied', reason: 'ip' },
    ],
    ['no policy', toCloudFrontBase64('{}'), { code: 'MalformedPolicy', reason: 'unreadable-MalformedPolicy' }],
  ])('%s', (_what, policy, expected) => {
    for (const result of bothWays(policy)) expect(result).toEqual(expected)
  })

  it('leaves a signed URL to the strict reader, whatever cookies came', () => {
    const plain = { policy: policyOf('https://h/*', now + 1), signature: 'AAAA', keyPairId: 'K1' }
    const subject = {
      url: 'https://h/x',
      querystring: 'Expires=1',
      cookieHeader: '',
      clientIp: '192.0.2.7',
      now,
      plainCookies: plain,
    }
    expect(checkSignature(subject, 'refuse')).toMatchObject({ code: 'MissingKey' })
  })
})
