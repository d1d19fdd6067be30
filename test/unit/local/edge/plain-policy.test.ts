import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coversPlainly } from '../../../../local/edge/plain-policy.ts'
import { parsePolicy } from '../../../../shared/cloudfront/parse-policy.ts'
import { customPolicy } from '../../../../shared/cloudfront/policy.ts'
import { checkPolicy } from '../../../../shared/cloudfront/signed-request.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'

const now = 1_800_000_000
const host = 'localhost:8080'
const url = `https://${host}/users/alice/images/disk.img`
const policy = { host, prefix: parseResourcePrefix('/users/alice/'), notBefore: now - 60, expires: now + 3600 }

/** What the whole edge says, which reads the policy with a parser. */
function covers(json: string, address: string, at: number): boolean {
  const parsed = parsePolicy(json)
  return parsed !== undefined && checkPolicy(parsed, { url: address, now: at, clientIp: '127.0.0.1' }) === undefined
}

describe('coversPlainly', () => {
  it('reads the policies that the session function signs', () => {
    expect(coversPlainly(customPolicy(policy), url, now)).toBe(true)
  })

  it.each([
    ['at the second of DateLessThan', now + 3600, url],
    ['at the second of DateGreaterThan', now - 60, url],
    ['on a path of another prefix', now, `https://${host}/users/bob/disk.img`],
    ['on a prefix that begins like it', now, `https://${host}/users/alicent/disk.img`],
    ['on another host', now, 'https://localhost:8081/users/alice/disk.img'],
    ['on a path that ends before the resource', now, `https://${host}/users/`],
  ])('does not cover %s', (_, at, address) => {
    expect(coversPlainly(customPolicy(policy), address, at)).toBe(false)
    expect(covers(customPolicy(policy), address, at)).toBe(false)
  })

  it.each([
    ['an address', customPolicy({ ...policy, ipAddress: '10.0.0.1' })],
    ['no DateGreaterThan', customPolicy(policy).replace(/,"DateGreaterThan":\{[^}]*\}/, '')],
    ['white space', customPolicy(policy).replace('[', '[ ')],
    ['a wildcard in the resource', customPolicy(policy).replace('alice/', 'al?ce/')],
    ['a second wildcard', customPolicy(policy).replace('alice/*', '*/*')],
    ['a time in another form', customPolicy(policy).replace(String(now + 3600), '0xFFFFFFFF')],
    ['a time with an exponent', customPolicy(policy).replace(String(now + 3600), '1.80001e9 ')],
    ['nothing', ''],
  ])('leaves a policy with %s to the parser', (_, json) => expect(coversPlainly(json, url, now)).toBe(false))

  it('never says yes where the parser says no', () => {
    const json = customPolicy(policy)
    const edit = fc.tuple(
      fc.nat(json.length),
      fc.nat(12),
      fc.constantFrom('', '9', '*', '"', '}', '0x', 'e9', ' ', '/'),
    )
    fc.assert(
      fc.property(edit, fc.nat(7200), ([at, length, text], later) => {
        const changed = json.slice(0, at) + text + json.slice(at + length)
        if (coversPlainly(changed, url, now + later)) expect(covers(changed, url, now + later)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
