import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { issueStamp } from '../../../../shared/revocation/stamp.ts'
import {
  edgeGrantsCookies,
  edgeGrantsValue,
  expiredEdgeGrants,
  expiredRenewals,
  hasFormerGrants,
  readFormerGrants,
  renewedGrantsCookie,
} from '../../../../shared/session/edge-grants.ts'

const stampKey = 'c3RhbXAta2V5LWZvci10ZXN0cy1vbmx5LTEyMzQ1Njc4OTA'
const prefixes = ['/users/alice/', '/teams/a%20b/'].map(parseResourcePrefix)
const value = edgeGrantsValue(prefixes, stampKey)
const readEdgeGrants = (values: readonly string[] | undefined, key: string, limit: number) =>
  readFormerGrants(new Map(values === undefined ? [] : [['edge-grants', values]]), key, limit).prefixes

describe('edge-grants', () => {
  test('is the payload and its HMAC, under the key as written', () => {
    const payload = '/users/alice/|/teams/a%20b/'
    const mac = createHmac('sha256', Buffer.from(stampKey, 'utf8'))
      .update(`edge-grants||${payload}`)
      .digest('base64url')
    expect(value).toBe(`${payload}.${mac}`)
    expect(readEdgeGrants([value], stampKey, 8)).toEqual(prefixes)
  })

  test('is read under its own key only', () => {
    expect(readEdgeGrants([value], `${stampKey}x`, 8)).toEqual([])
  })

  test('is not an HMAC of anything else made with the key', () => {
    const payload = '/users/bob/'
    for (const text of [payload, `edge-grants|${payload}`]) {
      const mac = createHmac('sha256', stampKey).update(text).digest('base64url')
      expect(readEdgeGrants([`${payload}.${mac}`], stampKey, 8)).toEqual([])
    }
    // The stamp of a host that has the name of this cookie.
    const [, mac] = issueStamp(stampKey, 'edge-grants', '/users/bob/', 1_893_456_000).split('.')
    expect(readEdgeGrants([`/users/bob/|1893456000.${mac}`], stampKey, 8)).toEqual([])
  })

  test('of eight of the longest prefixes fits one cookie', () => {
    const longest = Array.from({ length: 8 }, (_, i) => parseResourcePrefix(`/${'x'.repeat(397)}${i}/`))
    const [line = ''] = edgeGrantsCookies(edgeGrantsValue(longest, stampKey), 3600, null)
    expect(line.indexOf(';')).toBeLessThan(4096)
    expect(readEdgeGrants([edgeGrantsValue(longest, stampKey)], stampKey, 8)).toEqual(longest)
  })

  test('of prefixes with dots and encoded characters is read as it was', () => {
    const odd = ['/users/a.b..c/', '/users/%7C.%7C/'].map(parseResourcePrefix)
    expect(readEdgeGrants([edgeGrantsValue(odd, stampKey)], stampKey, 8)).toEqual(odd)
  })

  test.each([
    '',
    '.',
    '..',
    'x',
    `${value}x`,
    value.slice(1),
    value.slice(0, -1),
    value.replace('.', ''),
    '%ff.%ff',
    '\u00e9.\u00e9',
  ])('passes %j over', (bad) => {
    expect(readEdgeGrants([bad], stampKey, 8)).toEqual([])
    expect(readEdgeGrants([bad, value], stampKey, 8)).toEqual(prefixes)
  })

  test('that came twice is read together, without repeats, up to the limit', () => {
    const other = edgeGrantsValue(['/users/bob/', '/users/alice/'].map(parseResourcePrefix), stampKey)
    expect(readEdgeGrants([value, other], stampKey, 8)).toEqual([...prefixes, '/users/bob/'])
    expect(readEdgeGrants([value, other], stampKey, 1)).toEqual(['/users/alice/'])
    expect(readEdgeGrants(undefined, stampKey, 8)).toEqual([])
  })

  test('is seen by /_edge/ only, and deleted where it may have been set', () => {
    const rest = '; Path=/_edge/; HttpOnly; Secure; SameSite=Lax'
    expect(edgeGrantsCookies('v', 60, null)).toEqual([`edge-grants=v; Max-Age=60${rest}`])
    expect(edgeGrantsCookies('v', 60, 'example.com')).toEqual([
      `edge-grants=; Max-Age=0${rest}`,
      'edge-grants=v; Max-Age=60; Domain=example.com; Path=/_edge/; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(expiredEdgeGrants(null)).toEqual([`edge-grants=; Max-Age=0${rest}`])
  })
})

describe('the cookie of a renewal', () => {
  const one = (prefix: string) => {
    const own = edgeGrantsValue([parseResourcePrefix(prefix)], stampKey)
    const [pair = '', ...attributes] = renewedGrantsCookie(own, 60, null).split('; ')
    const [name = ''] = pair.split('=')
    return { name, value: own, attributes }
  }

  test('has a name of its own for each set of grants, so that none takes the place of another', () => {
    const alice = one('/users/alice/')
    expect(alice.name).toMatch(/^edge-grants-[\w-]{8}$/)
    expect(alice.attributes).toEqual(['Max-Age=60', 'Path=/_edge/', 'HttpOnly', 'Secure', 'SameSite=Lax'])
    expect(one('/users/alice/').name).toBe(alice.name)
    expect(one('/users/bob/').name).not.toBe(alice.name)
  })

  test('is read beside those of the mint, and deleted by name', () => {
    const [alice, bob] = [one('/users/alice/'), one('/users/bob/')]
    const cookies = new Map([
      ['edge-grants', [value]],
      [alice.name, [alice.value]],
      [bob.name, [bob.value]],
      ['edge-grants-forged00', [`${bob.value}x`]],
    ])
    const former = readFormerGrants(cookies, stampKey, 8)
    expect(former.prefixes).toEqual([...prefixes, '/users/bob/'])
    expect(former.renewals).toEqual([alice.name, bob.name, 'edge-grants-forged00'])
    expect(expiredRenewals([bob.name], 'example.com')).toEqual([
      `${bob.name}=; Max-Age=0; Domain=example.com; Path=/_edge/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  test('stays for the next time where its prefixes are too many for this one', () => {
    const bob = one('/users/bob/')
    const former = readFormerGrants(
      new Map([
        ['edge-grants', [value]],
        [bob.name, [bob.value]],
      ]),
      stampKey,
      2,
    )
    expect(former).toEqual({ prefixes, renewals: [] })
  })

  test('counts under names that we set, and no others', () => {
    const { name, value: own } = one('/users/bob/')
    for (const other of ['edge-grants-', `${name}x`, `${name.slice(0, -1)};`, `x${name}`]) {
      expect(readFormerGrants(new Map([[other, [own]]]), stampKey, 8)).toEqual({ prefixes: [], renewals: [] })
      expect(hasFormerGrants(new Map([[other, [own]]]))).toBe(false)
    }
    expect(hasFormerGrants(new Map([[name, [own]]]))).toBe(true)
  })
})
