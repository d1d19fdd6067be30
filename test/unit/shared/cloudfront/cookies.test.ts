import { describe, expect, test } from 'vitest'
import { expiredGrantCookies, grantCookieNames, grantCookies } from '../../../../shared/cloudfront/cookies.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { vectorPolicyBase64, vectorSignatures } from '../../fixtures/policy-vectors.ts'

const prefix = parseResourcePrefix('/users/alice%40example.com/')
const signed = {
  policy: vectorPolicyBase64,
  signature: vectorSignatures.ES256,
  keyPairId: 'KTEST',
  hashAlgorithm: 'SHA256',
} as const
const stamp = '1767225600.AbWfpawqQrWmbaRyqYsh7HOdHo3J6Sea3g0MFz4VigQ'
const gone = '; Expires=Thu, 01 Jan 1970 00:00:00 GMT'

const attributes = (line: string) =>
  Object.fromEntries(
    line.split('; ').map((part, i) => {
      const [name = '', value = ''] = part.split(/=(.*)/s)
      return i === 0 ? ['name', name] : [name, value]
    }),
  )

describe('grantCookies', () => {
  test('sets each value as it is, bound to the prefix', () => {
    const scope = '; Max-Age=3600; Path=/users/alice%40example.com/; HttpOnly; Secure; SameSite=Lax'
    expect(grantCookies(signed, stamp, { prefix, maxAge: 3600, domain: null })).toEqual([
      `CloudFront-Policy=${vectorPolicyBase64}${scope}`,
      `CloudFront-Signature=${vectorSignatures.ES256}${scope}`,
      `CloudFront-Key-Pair-Id=KTEST${scope}`,
      `CloudFront-Hash-Algorithm=SHA256${scope}`,
      `edge-issued=${stamp}${scope}`,
    ])
  })

  test('deletes an old hash marker when it signs with SHA-1', () => {
    const lines = grantCookies({ ...signed, hashAlgorithm: undefined }, stamp, { prefix, maxAge: 3600, domain: null })
    expect(lines.find((line) => line.startsWith('CloudFront-Hash-Algorithm'))).toMatch(
      /^CloudFront-Hash-Algorithm=; Max-Age=0;/,
    )
  })

  test('with a domain, also deletes host-only cookies of the same names', () => {
    const lines = grantCookies(signed, stamp, { prefix, maxAge: 3600, domain: 'example.com' })
    expect(lines.slice(0, 5)).toEqual(expiredGrantCookies(prefix, { domain: null }))
    expect(lines.slice(5).map((line) => attributes(line).Domain)).toEqual(Array(5).fill('example.com'))
  })
})

describe('expiredGrantCookies', () => {
  test('deletes each cookie with its own Path', () => {
    const lines = expiredGrantCookies(prefix, { domain: null })
    expect(lines.map(attributes)).toEqual(
      grantCookieNames.map((name) => expect.objectContaining({ name, Path: prefix, 'Max-Age': '0' })),
    )
    for (const line of lines) {
      expect(line).toContain('=; ')
      expect(line.endsWith(gone)).toBe(true)
      expect(line).not.toContain('Domain')
    }
  })

  test('deletes host-only cookies and those of the domain', () => {
    const lines = expiredGrantCookies(prefix, { domain: 'example.com' }).map(attributes)
    expect(lines.map(({ Domain }) => Domain)).toEqual([...Array(5), ...Array(5).fill('example.com')])
    expect(new Set(lines.map(({ name, Domain }) => `${name} ${Domain}`)).size).toBe(10)
  })
})
