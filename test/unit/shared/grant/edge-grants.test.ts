import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  edgeGrantsCookies,
  edgeGrantsValue,
  expiredEdgeGrants,
  expiredRenewals,
  hasFormerGrants,
  noFormerGrants,
  prefixesOfFormer,
  readFormerGrants,
  renewedGrantsCookie,
} from '../../../../shared/grant/edge-grants.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { issueStamp } from '../../../../shared/revocation/stamp.ts'

const stampKey = 'c3RhbXAta2V5LWZvci10ZXN0cy1vbmx5LTEyMzQ1Njc4OTA'
const prefixes = ['/users/alice/', '/teams/a%20b/'].map(parseResourcePrefix)
const value = edgeGrantsValue(prefixes, stampKey)
const readEdgeGrants = (values: readonly string[] | undefined, key: string) =>
  readFormerGrants(new Map(values === undefined ? [] : [['edge-grants', values]]), key).minted

describe('edge-grants', () => {
  test('is the payload and its HMAC, under the key as written', () => {
    const payload = '/users/alice/|/teams/a%20b/'
    const mac = createHmac('sha256', Buffer.from(stampKey, 'utf8'))
      .update(`edge-grants||${payload}`)
      .digest('base64url')
    expect(value).toBe(`${payload}.${mac}`)
    expect(readEdgeGrants([value], stampKey)).toEqual(prefixes)
  })

  test('is read under its own key only', () => {
    expect(readEdgeGrants([value], `${stampKey}x`)).toEqual([])
  })

  test('is not an HMAC of anything else made with the key', () => {
    const payload = '/users/bob/'
    for (const text of [payload, `edge-grants|${payload}`]) {
      const mac = createHmac('sha256', stampKey).update(text).digest('base64url')
      expect(readEdgeGrants([`${payload}.${mac}`], stampKey)).toEqual([])
    }
    // The stamp of a host that has the name of this cookie.
    const [, mac] = issueStamp(stampKey, 'edge-grants', '/users/bob/', 1_893_456_000).split('.')
    expect(readEdgeGrants([`/users/bob/|1893456000.${mac}`], stampKey)).toEqual([])
  })

  test('of eight of the longest prefixes fits one cookie', () => {
    const longest = Array.from({ length: 8 }, (_, i) => parseResourcePrefix(`/${'x'.repeat(397)}${i}/`))
    const [line = ''] = edgeGrantsCookies(edgeGrantsValue(longest, stampKey), 3600, { domain: null })
    expect(line.indexOf(';')).toBeLessThan(4096)
    expect(readEdgeGrants([edgeGrantsValue(longest, stampKey)], stampKey)).toEqual(longest)
  })

  test('of prefixes with dots and encoded characters is read as it was', () => {
    const odd = ['/users/a.b..c/', '/users/%7C.%7C/'].map(parseResourcePrefix)
    expect(readEdgeGrants([edgeGrantsValue(odd, stampKey)], stampKey)).toEqual(odd)
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
    expect(readEdgeGrants([bad], stampKey)).toEqual([])
    expect(readEdgeGrants([bad, value], stampKey)).toEqual(prefixes)
  })

  test('that came twice is read together, without repeats', () => {
    const other = edgeGrantsValue(['/users/bob/', '/users/alice/'].map(parseResourcePrefix), stampKey)
    expect(readEdgeGrants([value, other], stampKey)).toEqual([...prefixes, '/users/bob/'])
    expect(readEdgeGrants(undefined, stampKey)).toEqual([])
  })

  test('is read up to sixteen prefixes, so that the deletions of one list fit one response', () => {
    const lists = Array.from({ length: 5 }, (_, i) => {
      const four = Array.from({ length: 4 }, (_, j) => parseResourcePrefix(`/users/u${i}${j}/`))
      return edgeGrantsValue(four, stampKey)
    })
    const read = readEdgeGrants(lists, stampKey)
    expect([read.length, read[0], read.at(-1)]).toEqual([16, '/users/u00/', '/users/u33/'])
  })

  test('is seen by /_edge/ only, and deleted where it may have been set', () => {
    const rest = '; Path=/_edge/; HttpOnly; Secure; SameSite=Lax'
    expect(edgeGrantsCookies('v', 60, { domain: null })).toEqual([`edge-grants=v; Max-Age=60${rest}`])
    expect(edgeGrantsCookies('v', 60, { domain: 'example.com' })).toEqual([
      `edge-grants=; Max-Age=0${rest}`,
      'edge-grants=v; Max-Age=60; Domain=example.com; Path=/_edge/; HttpOnly; Secure; SameSite=Lax',
    ])
    expect(expiredEdgeGrants({ domain: null })).toEqual([`edge-grants=; Max-Age=0${rest}`])
  })
})

describe('the cookie of a renewal', () => {
  const one = (prefix: string) => {
    const own = edgeGrantsValue([parseResourcePrefix(prefix)], stampKey)
    const [pair = '', ...attributes] = renewedGrantsCookie(own, 60, { domain: null }).split('; ')
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
    const former = readFormerGrants(cookies, stampKey)
    expect(former).toEqual({
      minted: prefixes,
      renewals: [
        { name: alice.name, prefixes: ['/users/alice/'] },
        { name: bob.name, prefixes: ['/users/bob/'] },
      ],
    })
    expect(prefixesOfFormer(former)).toEqual([...prefixes, '/users/bob/'])
    expect(expiredRenewals([bob.name], { domain: 'example.com' })).toEqual([
      `${bob.name}=; Max-Age=0; Domain=example.com; Path=/_edge/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  test('is read however many there are', () => {
    const lists = Array.from({ length: 40 }, (_, i) => one(`/users/u${i}/`))
    const former = readFormerGrants(new Map(lists.map((list) => [list.name, [list.value]])), stampKey)
    expect(former.renewals.map(({ name }) => name)).toEqual(lists.map(({ name }) => name))
  })

  test('is read under the name of its value only: planted copies do not multiply', () => {
    const [alice, bob] = [one('/users/alice/'), one('/users/bob/')]
    const copies = new Map([
      [alice.name, [bob.value, alice.value, alice.value]],
      ['edge-grants-00000000', [bob.value]],
    ])
    expect(readFormerGrants(copies, stampKey).renewals).toEqual([{ name: alice.name, prefixes: ['/users/alice/'] }])
  })

  test('counts under names that we set, and no others', () => {
    const { name, value: own } = one('/users/bob/')
    for (const other of ['edge-grants-', `${name}x`, `${name.slice(0, -1)};`, `x${name}`]) {
      expect(readFormerGrants(new Map([[other, [own]]]), stampKey)).toEqual(noFormerGrants)
      expect(hasFormerGrants(new Map([[other, [own]]]))).toBe(false)
    }
    expect(hasFormerGrants(new Map([[name, [own]]]))).toBe(true)
  })
})
