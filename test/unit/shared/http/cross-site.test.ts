import { describe, expect, test } from 'vitest'
import { parseAllowedOrigins } from '../../../../shared/http/allowed-origins.ts'
import { corsHeaders, preflightResponse } from '../../../../shared/http/cors.ts'
import { refuseCrossSite } from '../../../../shared/http/cross-site.ts'
import { isNavigation } from '../../../../shared/http/navigation.ts'
import { request } from './request.ts'

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

describe('corsHeaders', () => {
  test('name an allowed origin, and vary for all', () => {
    const isAllowed = parseAllowedOrigins(['https://a.test'])
    expect(corsHeaders('https://a.test', isAllowed)).toEqual([
      ['access-control-allow-origin', 'https://a.test'],
      ['access-control-allow-credentials', 'true'],
      ['vary', 'Origin'],
    ])
    expect(corsHeaders('https://b.test', isAllowed)).toEqual([['vary', 'Origin']])
    expect(corsHeaders(undefined, isAllowed)).toEqual([['vary', 'Origin']])
  })

  test('of a preflight never permit by wildcard', () => {
    const { headers } = preflightResponse('https://a.test', () => true, 'GET', 'Content-Type')
    expect(headers.filter(([, value]) => value.includes('*'))).toEqual([])
  })
})

describe('refuseCrossSite', () => {
  const isAllowed = parseAllowedOrigins(['https://app.example.com'])
  const check = (headers: Record<string, string>) => () => refuseCrossSite(request({ headers }), isAllowed)

  test.each([
    {},
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://app.example.com' },
    { origin: 'https://cdn.example.com' },
    { origin: 'http://cdn.example.com', 'sec-fetch-site': 'same-origin' },
  ])('lets %j pass', (headers) => {
    expect(check(headers as Record<string, string>)).not.toThrow()
  })

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site, same-origin' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' },
    { origin: 'https://evil.test' },
    { origin: 'https://evil.test', 'sec-fetch-site': 'same-site' },
    { origin: 'http://cdn.example.com' },
    { origin: 'null' },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
    { origin: 'http://evil.test', 'sec-fetch-site': 'same-origin' },
    { origin: '' },
  ])('refuses %j', (headers) => {
    expect(check(headers as unknown as Record<string, string>)).toThrow(
      expect.objectContaining({ code: 'ERR_CROSS_SITE' }),
    )
  })
})

describe('isNavigation', () => {
  test.each([
    [true, 'GET', { 'sec-fetch-mode': 'navigate' }],
    [true, 'POST', { 'sec-fetch-mode': 'navigate' }],
    [true, 'GET', { accept: 'text/html,application/xhtml+xml' }],
    [false, 'POST', { accept: 'text/html' }],
    [false, 'GET', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    [false, 'GET', { accept: '*/*' }],
    [false, 'GET', {}],
  ])('%s: %s %j', (expected, method, headers) => {
    expect(isNavigation(request({ method, headers: headers as Record<string, string> }))).toBe(expected)
  })
})
