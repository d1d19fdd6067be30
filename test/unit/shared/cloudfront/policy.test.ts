import { generateKeyPairSync } from 'node:crypto'
import { getSignedUrl } from '@aws-sdk/cloudfront-signer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toCloudFrontBase64 } from '../../../../shared/cloudfront/base64.ts'
import { checkPolicy } from '../../../../shared/cloudfront/parse-policy.ts'
import { customPolicy, isPolicy, parsePolicy, resourcePolicy } from '../../../../shared/cloudfront/policy.ts'
import { encodePathSegment, parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { vectorPolicy, vectorPolicyBase64 } from '../../fixtures/policy-vectors.ts'

const prefix = parseResourcePrefix('/users/alice%40example.com/')
const base = { host: 'cdn.example.com', prefix, notBefore: 1767225540, expires: 1767229200 }

describe('customPolicy', () => {
  test('gives the bytes of the vector', () => {
    expect(customPolicy(base)).toBe(vectorPolicy)
    expect(toCloudFrontBase64(customPolicy(base))).toBe(vectorPolicyBase64)
  })

  test('binds to one IPv4 address', () => {
    expect(customPolicy({ ...base, ipAddress: '192.0.2.10' })).toBe(
      vectorPolicy.replace(/\}\}\]\}$/, ',"IpAddress":{"AWS:SourceIp":"192.0.2.10/32"}}}]}'),
    )
  })

  test("gives the bytes of AWS's own policy builder", () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const url = getSignedUrl({
      url: 'https://cdn.example.com/users/bob/x',
      dateLessThan: new Date(base.expires * 1000),
      dateGreaterThan: new Date(base.notBefore * 1000),
      ipAddress: '192.0.2.10',
      keyPairId: 'K',
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    })
    const ours = resourcePolicy('https://cdn.example.com/users/bob/x', { ...base, ipAddress: '192.0.2.10' })
    expect(new URL(url).searchParams.get('Policy')).toBe(toCloudFrontBase64(ours))
  })

  test.each(['*.example.com', 'cdn.example.com/x', 'CDN.example.com', '', 'a b', 'h"', '*', 'user@h', 'h:', '?'])(
    'refuses the host %j',
    (host) =>
      expect(() => customPolicy({ ...base, host })).toThrow(expect.objectContaining({ code: 'ERR_HOST_UNKNOWN' })),
  )

  test.each(['::1', '2001:db8::1', '192.0.2', '192.0.2.256', '192.0.2.0/24', '*', '01.2.3.4', ''])(
    'refuses the address %j',
    (ipAddress) =>
      expect(() => customPolicy({ ...base, ipAddress })).toThrow(
        expect.objectContaining({ code: 'ERR_VIEWER_ADDRESS' }),
      ),
  )

  test.each([
    { expires: 1767229200.5 },
    { expires: Number.NaN },
    { expires: 0, notBefore: -1 },
    { notBefore: base.expires },
    { notBefore: 1.5 },
    { notBefore: -1 },
    { expires: base.expires * 1000 },
    { expires: 2 ** 31 },
  ])('refuses the times %j', (times) =>
    expect(() => customPolicy({ ...base, ...times })).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' })),
  )
})

describe('parsePolicy', () => {
  test('reads back every policy that is written', () => {
    const segment = fc.stringMatching(/^[a-z@ %é]{1,12}$/)
    const ip = fc.option(fc.ipV4(), { nil: undefined })
    fc.assert(
      fc.property(
        segment,
        fc.nat(2 ** 31 - 100_000),
        fc.integer({ min: 1, max: 86_400 }),
        ip,
        (name, notBefore, ttl, ipAddress) => {
          const own = parseResourcePrefix(`/users/${encodePathSegment(name)}/`)
          const json = customPolicy({ host: 'h:8080', prefix: own, notBefore, expires: notBefore + ttl, ipAddress })
          expect(parsePolicy(json)).toEqual({
            resource: `https://h:8080${own}*`,
            expires: notBefore + ttl,
            notBefore,
            ipAddress: ipAddress === undefined ? undefined : `${ipAddress}/32`,
          })
        },
      ),
    )
  })

  const statement = { Resource: 'https://h/*', Condition: { DateLessThan: { 'AWS:EpochTime': 10 } } }
  const withCondition = (condition: object) => ({
    Statement: [{ ...statement, Condition: { ...statement.Condition, ...condition } }],
  })

  test('takes the smallest policy', () => {
    expect(parsePolicy(JSON.stringify({ Statement: [statement] }))).toMatchObject({
      resource: 'https://h/*',
      expires: 10,
    })
  })

  test.each<[string, unknown]>([
    ['no JSON', undefined],
    ['null', null],
    ['a list', [statement]],
    ['no statement', { Statement: [] }],
    ['several statements', { Statement: [statement, statement] }],
    ['a statement that is no list', { Statement: statement }],
    ['a null statement', { Statement: [null] }],
    ['an unknown field', { Version: '2012-10-17', Statement: [statement] }],
    ['an unknown field of the statement', { Statement: [{ ...statement, Effect: 'Allow' }] }],
    ['no Resource', { Statement: [{ Condition: statement.Condition }] }],
    ['an empty Resource', { Statement: [{ ...statement, Resource: '' }] }],
    ['a list of Resources', { Statement: [{ ...statement, Resource: ['https://h/*'] }] }],
    ['no Condition', { Statement: [{ Resource: 'https://h/*' }] }],
    ['no DateLessThan', { Statement: [{ ...statement, Condition: {} }] }],
    ['a fractional date', withCondition({ DateLessThan: { 'AWS:EpochTime': 10.5 } })],
    ['a date as text', withCondition({ DateLessThan: { 'AWS:EpochTime': '10' } })],
    ['a bare date', withCondition({ DateLessThan: 10 })],
    ['a negative date', withCondition({ DateLessThan: { 'AWS:EpochTime': -1 } })],
    ['a date beyond integers', withCondition({ DateLessThan: { 'AWS:EpochTime': 2 ** 53 } })],
    ['a date in milliseconds', withCondition({ DateLessThan: { 'AWS:EpochTime': 1_795_000_000_000 } })],
    ['a date of 2^31', withCondition({ DateLessThan: { 'AWS:EpochTime': 2 ** 31 } })],
    ['a start in milliseconds', withCondition({ DateGreaterThan: { 'AWS:EpochTime': 1_795_000_000_000 } })],
    ['a Resource with a line feed', { Statement: [{ ...statement, Resource: 'https://h/*\n' }] }],
    ['a Resource with a quotation mark', { Statement: [{ ...statement, Resource: 'https://h/"' }] }],
    ['a Resource with a control character', { Statement: [{ ...statement, Resource: 'https://h/\u0085' }] }],
    ['a null DateGreaterThan', withCondition({ DateGreaterThan: null })],
    ['a fractional DateGreaterThan', withCondition({ DateGreaterThan: { 'AWS:EpochTime': 0.5 } })],
    ['an unknown condition', withCondition({ StringEquals: {} })],
    ['an IPv6 address', withCondition({ IpAddress: { 'AWS:SourceIp': '2001:db8::/32' } })],
    ['a list of addresses', withCondition({ IpAddress: { 'AWS:SourceIp': ['192.0.2.1'] } })],
    ['a short address', withCondition({ IpAddress: { 'AWS:SourceIp': '192.0.2/24' } })],
    ['a mask beyond 32', withCondition({ IpAddress: { 'AWS:SourceIp': '192.0.2.1/33' } })],
    ['an empty mask', withCondition({ IpAddress: { 'AWS:SourceIp': '192.0.2.1/' } })],
    ['a second mask', withCondition({ IpAddress: { 'AWS:SourceIp': '192.0.2.1/24/8' } })],
    ['a null address', withCondition({ IpAddress: null })],
  ])('refuses %s', (_what, document) => {
    expect(parsePolicy(document === undefined ? '{"Statement":' : JSON.stringify(document))).toBeUndefined()
  })
})

describe('a policy that two parsers could read differently', () => {
  const policy = JSON.stringify({
    Statement: [{ Resource: 'https://h/*', Condition: { DateLessThan: { 'AWS:EpochTime': 1_795_000_000 } } }],
  })

  test.each<[string, (json: string) => string]>([
    ['a leading zero', (json) => json.replace('1795000000', '01795000000')],
    ['a point without digits', (json) => json.replace('1795000000', '1795000000.')],
    ['a fraction of zero', (json) => json.replace('1795000000', '1795000000.0')],
    ['an exponent', (json) => json.replace('1795000000', '1795e6')],
    ['a sign', (json) => json.replace('1795000000', '-0')],
    ['a Resource twice', (json) => json.replace('"Resource"', '"Resource":"https://h/x","Resource"')],
    ['a date twice', (json) => json.replace('"DateLessThan"', '"DateLessThan":{"AWS:EpochTime":1},"DateLessThan"')],
    ['an epoch twice', (json) => json.replace('"AWS:EpochTime"', '"AWS:EpochTime":1,"AWS:EpochTime"')],
    ['an escaped name', (json) => json.replace('Resource', 'R\\u0065source')],
    ['an escaped letter', (json) => json.replace('https', '\\u0068ttps')],
    ['__proto__', (json) => json.replace('"Resource"', '"__proto__":{"Resource":"*"},"Resource"')],
  ])('is none: %s', (_what, change) => {
    const changed = change(policy)
    expect(changed).not.toBe(policy)
    expect(parsePolicy(changed)).toBeUndefined()
  })

  test.each<[string, string]>([
    ['white space', JSON.stringify(JSON.parse(policy), null, '\t')],
    ['the other order', policy.replace(/("Resource":"[^"]*"),("Condition":.*)\}\]\}/, '$2,$1}]}')],
    ['escaped slashes', policy.replaceAll('/', '\\/')],
  ])('is not one with %s', (_what, json) => {
    expect(json).not.toBe(policy)
    expect(isPolicy(json)).toBe(false)
    expect(parsePolicy(json)).toEqual(parsePolicy(policy))
  })

  test('is read as the same text with white space is, which is another way through the parser', () => {
    const address = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 300 })))
    const epoch = fc.oneof(fc.nat(), fc.integer({ min: 2 ** 31 - 2, max: 2 ** 31 + 1 }), fc.constant(0))
    const parts = fc.record({
      resource: fc.oneof(fc.webUrl(), fc.string()),
      expires: epoch,
      notBefore: fc.option(epoch, { nil: undefined }),
      ipAddress: fc.option(address, { nil: undefined }),
    })
    let read = 0
    fc.assert(
      fc.property(parts, ({ resource, expires, notBefore, ipAddress }) => {
        const condition = {
          DateLessThan: { 'AWS:EpochTime': expires },
          ...(notBefore === undefined ? {} : { DateGreaterThan: { 'AWS:EpochTime': notBefore } }),
          ...(ipAddress === undefined ? {} : { IpAddress: { 'AWS:SourceIp': `${ipAddress.join('.')}/32` } }),
        }
        const json = JSON.stringify({ Statement: [{ Resource: resource, Condition: condition }] })
        const written = parsePolicy(json)
        expect(written).toEqual(parsePolicy(` ${json}`))
        if (written !== undefined && isPolicy(json)) read += 1
      }),
      { numRuns: 2000, seed: 20261126 },
    )
    expect(read).toBeGreaterThan(200)
  })
})

describe('checkPolicy', () => {
  const policy = { resource: 'https://h/u/*', expires: 100, notBefore: 10, ipAddress: '192.0.2.0/24' }
  const request = { url: 'https://h/u/x', now: 50, clientIp: '192.0.2.77' }

  test.each([
    [{}, undefined],
    [{ now: 99 }, undefined],
    [{ now: 100 }, 'expired'],
    [{ now: 11 }, undefined],
    [{ now: 10 }, 'not-yet-valid'],
    [{ url: 'https://h/v/x' }, 'resource'],
    [{ clientIp: '192.0.3.1' }, 'ip'],
    [{ clientIp: '192.0.1.255' }, 'ip'],
    [{ clientIp: '2001:db8::1' }, 'ip'],
    [{ clientIp: '' }, 'ip'],
  ])('%j: %s', (change, fault) => expect(checkPolicy(policy, { ...request, ...change })).toBe(fault))

  test.each([
    ['0.0.0.0/0', '255.255.255.255', undefined],
    ['255.255.255.255', '255.255.255.255', undefined],
    ['255.255.255.255/32', '255.255.255.254', 'ip'],
    ['128.0.0.0/1', '127.255.255.255', 'ip'],
    ['10.1.2.3/8', '10.200.0.1', undefined],
  ])('%s and %s: %s', (ipAddress, clientIp, fault) =>
    expect(checkPolicy({ ...policy, ipAddress }, { ...request, clientIp })).toBe(fault),
  )
})
