import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import {
  edgeGrantsCookies,
  edgeGrantsValue,
  expiredEdgeGrants,
  readEdgeGrants,
} from '../../../../shared/session/edge-grants.ts'

const stampKey = 'c3RhbXAta2V5LWZvci10ZXN0cy1vbmx5LTEyMzQ1Njc4OTA'
const prefixes = ['/users/alice/', '/teams/a%20b/'].map(parseResourcePrefix)
const value = edgeGrantsValue(prefixes, stampKey)

describe('edge-grants', () => {
  test('is the payload and its HMAC, under the key as written', () => {
    const payload = Buffer.from('["/users/alice/","/teams/a%20b/"]').toString('base64url')
    const mac = createHmac('sha256', Buffer.from(stampKey, 'utf8')).update(`edge-grants|${payload}`).digest('base64url')
    expect(value).toBe(`${payload}.${mac}`)
    expect(readEdgeGrants([value], stampKey, 8)).toEqual(prefixes)
  })

  test('is read under its own key only', () => {
    expect(readEdgeGrants([value], `${stampKey}x`, 8)).toEqual([])
  })

  test('is not an HMAC of anything else made with the key', () => {
    const payload = Buffer.from('["/users/bob/"]').toString('base64url')
    const mac = createHmac('sha256', stampKey).update(payload).digest('base64url')
    expect(readEdgeGrants([`${payload}.${mac}`], stampKey, 8)).toEqual([])
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
