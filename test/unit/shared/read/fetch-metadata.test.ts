import { describe, expect, test } from 'vitest'
import { parseAllowedOrigins } from '../../../../shared/read/cors.ts'
import { isNavigation, refuseCrossSite } from '../../../../shared/read/fetch-metadata.ts'
import { request } from '../http/request.ts'

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
