import { describe, expect, test } from 'vitest'
import {
  corsHeaders,
  isAllowedOrigin,
  normaliseAllowedOrigins,
  parseAllowedOrigins,
  parseReaders,
  preflightMaxAge,
  preflightResponse,
} from '../../../../shared/read/cors.ts'

describe('parseAllowedOrigins', () => {
  const isAllowed = parseAllowedOrigins([
    'https://app.example.com',
    'https://port.example.com:8443',
    'https://default.example.com:443',
    'http://localhost:*',
  ])

  test.each([
    'https://app.example.com',
    'https://port.example.com:8443',
    'https://default.example.com',
    'http://localhost:1',
    'http://localhost:65535',
    'http://localhost',
  ])('%s is allowed', (origin) => {
    expect(isAllowed(origin)).toBe(true)
  })

  test.each([
    '',
    'null',
    '*',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.test',
    'https://evil.test/https://app.example.com',
    'https://sub.app.example.com',
    'https://app.example.com/',
    'https://app.example.com, https://app.example.com',
    'https://port.example.com',
    'https://localhost:3000',
    'http://localhost:3000.evil.test',
    'http://localhost:',
    'http://localhost:*',
    'http://localhost:123456',
    'http://localhost.evil.test:80',
    'http://localhost:1:2',
  ])('%j is not', (origin) => {
    expect(isAllowed(origin)).toBe(false)
  })
})

test('a list without methods, as njs preloads it, is read by index', () => {
  const entries = normaliseAllowedOrigins(['https://a.test:443', 'http://localhost:*'])
  const preloaded = { ...entries, length: entries.length } as unknown as readonly string[]
  expect(isAllowedOrigin(preloaded, 'https://a.test')).toBe(true)
  expect(isAllowedOrigin(preloaded, 'http://localhost:5173')).toBe(true)
  expect(isAllowedOrigin(preloaded, 'https://b.test')).toBe(false)
})

describe('corsHeaders', () => {
  test('name an allowed origin, and vary for all', () => {
    const isAllowed = parseReaders(['https://a.test'], [])
    expect(corsHeaders('https://a.test', isAllowed)).toEqual([
      ['access-control-allow-origin', 'https://a.test'],
      ['access-control-allow-credentials', 'true'],
      ['vary', 'Origin'],
    ])
    expect(corsHeaders('https://b.test', isAllowed)).toEqual([['vary', 'Origin']])
    expect(corsHeaders(undefined, isAllowed)).toEqual([['vary', 'Origin']])
  })

  test('let every page read without credentials where all origins may, and only own pages with them', () => {
    const readers = parseReaders(['*'], ['https://cdn.test'])
    for (const origin of ['https://b.test', 'null', '*'])
      expect(corsHeaders(origin, readers)).toEqual([
        ['access-control-allow-origin', '*'],
        ['vary', 'Origin'],
      ])
    expect(corsHeaders('https://cdn.test', readers)).toContainEqual(['access-control-allow-credentials', 'true'])
    expect(corsHeaders(undefined, readers)).toEqual([['vary', 'Origin']])
  })

  test('the entry for all origins allows none of them to change anything', () => {
    for (const origin of ['*', 'null', '', 'https://b.test', ':1', 'https://b.test:*'])
      expect(parseReaders(['*'], []).isAllowed(origin), origin).toBe(false)
  })
})

describe('preflightResponse', () => {
  const answer = (origin: string) =>
    preflightResponse(origin, { isAllowed: (sent) => sent === 'https://a.test', isOpen: false }, 'GET')

  test('permits by name, never by wildcard, for a day', () => {
    const { status, headers } = answer('https://a.test')
    expect(status).toBe(204)
    expect(headers.filter(([, value]) => value.includes('*'))).toEqual([])
    expect(Object.fromEntries(headers)).toMatchObject({
      'access-control-allow-headers': 'Authorization, Content-Type, If-Modified-Since, If-None-Match, If-Range, Range',
      'access-control-max-age': '86400',
    })
    expect(preflightMaxAge).toBe(86_400)
  })

  test('permits nothing to an origin that is not allowed', () => {
    const names = answer('https://b.test').headers.map(([name]) => name)
    expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([])
  })
})
