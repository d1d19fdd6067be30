import { describe, expect, test } from 'vitest'
import { fromCloudFront, toCloudFront } from '../../../../functions/session/event.ts'
import { eventOf } from './edge.ts'

describe('fromCloudFront', () => {
  test('keeps path and query as sent, joins lines, lowers the host', () => {
    const edge = fromCloudFront(
      eventOf({
        method: 'get',
        path: '/users/a%20b//..',
        query: 'a=%2F&b',
        headers: { Host: 'CDN.Example.com:8443', cookie: ['a=1', 'b=2'], accept: ['text/html', '*/*'] },
        clientIp: '2001:db8::1',
      }),
    )
    expect(edge).toMatchObject({ distributionDomainName: 'd111111abcdef8.cloudfront.net', requestId: 'request-1' })
    expect(edge.request).toMatchObject({
      method: 'GET',
      host: 'cdn.example.com:8443',
      path: '/users/a%20b//..',
      querystring: 'a=%2F&b',
      clientIp: '2001:db8::1',
    })
    expect(edge.request.headers.cookie).toBe('a=1; b=2')
    expect(edge.request.headers.accept).toBe('text/html, */*')
    expect(edge.request.headers.constructor).toBeUndefined()
  })
})

describe('toCloudFront', () => {
  const response = (headers: [string, string][], body = '', status = 200) => ({ status, headers, body })

  test('lists each cookie by itself and leaves an empty body out', () => {
    const cookies: [string, string][] = [
      ['set-cookie', 'a=1'],
      ['vary', 'Origin'],
      ['set-cookie', 'b=2'],
    ]
    expect(toCloudFront(response(cookies, '', 204))).toEqual({
      status: '204',
      headers: {
        'set-cookie': [
          { key: 'set-cookie', value: 'a=1' },
          { key: 'set-cookie', value: 'b=2' },
        ],
        vary: [{ key: 'vary', value: 'Origin' }],
      },
    })
  })

  test.each([
    'connection',
    'content-length',
    'transfer-encoding',
    'via',
    'host',
    'x-amz-cf-id',
    'x-edge-location',
    'x-accel-redirect',
    'proxy-authenticate',
    'X-Upper',
    'with space',
    'a:b',
  ])('does not set %s', (name) => {
    expect(() => toCloudFront(response([[name, 'x']]))).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }))
  })

  test.each(['a\r\nb: c', 'a\nb', 'é', '\u0000'])('does not send %j as a value', (value) => {
    expect(() => toCloudFront(response([['location', value]]))).toThrow(
      expect.objectContaining({ code: 'ERR_INTERNAL' }),
    )
  })

  test('sends no body with 204 and at most 40 KB', () => {
    expect(() => toCloudFront(response([], 'x', 204))).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }))
    const most = 40 * 1024
    expect(toCloudFront(response([], 'x'.repeat(most))).body).toHaveLength(most)
    expect(() => toCloudFront(response([], 'é'.repeat(most / 2 + 1)))).toThrow()
    expect(() => toCloudFront(response([['set-cookie', 'x'.repeat(most)]]))).toThrow()
  })
})
