import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { context, edgeFunction, eventOf, navigation, responseOf, token, withSession } from './edge.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

describe('OPTIONS', () => {
  const preflight = (origin: string | undefined, path = '/_edge/session') =>
    edgeFunction().send({
      method: 'OPTIONS',
      path,
      headers: { 'access-control-request-method': 'DELETE', ...(origin === undefined ? {} : { origin }) },
    })

  test('permits an allowed origin', async () => {
    const reply = await preflight('http://localhost:3000')
    expect(reply.status).toBe(204)
    expect(reply.raw).not.toHaveProperty('body')
    expect(reply.header('access-control-allow-origin')).toBe('http://localhost:3000')
    expect(reply.header('access-control-allow-credentials')).toBe('true')
    expect(reply.header('access-control-allow-methods')).toBe('GET, POST, DELETE, OPTIONS')
    expect(reply.header('access-control-allow-headers')?.toLowerCase().split(', ')).toContain('authorization')
    expect(Number(reply.header('access-control-max-age'))).toBeGreaterThanOrEqual(600)
    expect(reply.header('vary')).toBe('Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.header('cross-origin-resource-policy')).toBe('same-site')
  })

  test.each([undefined, 'https://evil.test', 'null'])('permits %s nothing', async (origin) => {
    const reply = await preflight(origin)
    expect(reply.status).toBe(204)
    expect(reply.header('access-control-allow-origin')).toBeUndefined()
    expect(reply.header('access-control-allow-methods')).toBeUndefined()
    expect(reply.header('vary')).toContain('Origin')
  })

  test('of the other address names its methods', async () => {
    const reply = await preflight('http://localhost:3000', '/_edge/session/end')
    expect(reply.header('access-control-allow-methods')).toBe('GET, OPTIONS')
  })
})

describe('what is not there', () => {
  test.each([
    ['/_edge/session', 'PUT', 405, 'ERR_METHOD_NOT_ALLOWED', 'GET, POST, DELETE, OPTIONS'],
    ['/_edge/session', 'PATCH', 405, 'ERR_METHOD_NOT_ALLOWED', 'GET, POST, DELETE, OPTIONS'],
    ['/_edge/session/end', 'POST', 405, 'ERR_METHOD_NOT_ALLOWED', 'GET, OPTIONS'],
    ['/_edge/session/end', 'DELETE', 405, 'ERR_METHOD_NOT_ALLOWED', 'GET, OPTIONS'],
    ['/_edge/session/', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/_edge/session/End', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/_edge/session/%65nd', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/_edge/session/../session', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/_edge/session/%ff', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/_edge/sessions', 'GET', 404, 'ERR_NOT_FOUND', undefined],
    ['/users/alice/x', 'GET', 501, 'ERR_NOT_IMPLEMENTED', undefined],
    ['/', 'GET', 501, 'ERR_NOT_IMPLEMENTED', undefined],
  ])('%s %s is %d', async (path, method, status, code, allow) => {
    const reply = await edgeFunction().send(
      withSession(await token(), { path, method, headers: { origin: 'https://app.example.com' } }),
    )
    expect([reply.status, reply.code, reply.header('allow')]).toEqual([status, code, allow])
    expect(reply.lines).toEqual([])
    expect(reply.header('cache-control')).toBe('no-store')
    expect(reply.header('cross-origin-resource-policy')).toBe('same-site')
    expect(reply.header('access-control-allow-origin')).toBe('https://app.example.com')
  })

  test('HEAD is 405 without a body', async () => {
    const reply = await edgeFunction().send({ method: 'HEAD' })
    expect([reply.status, reply.raw.body]).toEqual([405, undefined])
  })
})

describe('a problem', () => {
  test('has the fields of RFC 9457 and nothing of the request', async () => {
    const reply = await edgeFunction().send({
      query: 'return=/secret-path',
      headers: { cookie: '__Host-session=secret.secret.secret', 'x-secret': 'secret' },
    })
    expect(JSON.parse(reply.text)).toEqual({
      type: 'urn:edge-signer:ERR_SESSION_INVALID',
      title: 'Sign in required',
      status: 401,
      detail: 'The app session is not valid.',
      code: 'ERR_SESSION_INVALID',
    })
    expect(JSON.stringify(reply.raw)).not.toContain('secret')
  })
})

describe('whatever comes', () => {
  test('an event that CloudFront would never send gets a 500, not an exception', async () => {
    const { handler } = edgeFunction()
    for (const event of [{}, { Records: [] }, { Records: [{}] }, { Records: [{ cf: { request: {} } }] }, null]) {
      const reply = responseOf(await handler(event as never, context))
      expect(reply.status).toBe('500')
      expect(JSON.parse(reply.body ?? '').code).toBe('ERR_INTERNAL')
      expect(reply.headers?.['cross-origin-resource-policy']?.[0]?.value).toBe('same-site')
    }
  })

  test('odd headers have none of the reserved names', async () => {
    const { send } = edgeFunction()
    const headers = JSON.parse(
      '{"__proto__":"x","constructor":"y","toString":"z","cookie":"__proto__=1; constructor=2; =; ;;"}',
    )
    expect((await send({ headers })).code).toBe('ERR_SESSION_MISSING')
  })

  test('the answer keeps to the rules of Lambda@Edge', async () => {
    const { handler } = edgeFunction()
    const asks = [
      withSession(await token({ team: ['a', 'b'] })),
      withSession(await token(), { query: 'return=/users/alice/', headers: navigation }),
      { headers: navigation },
      { method: 'DELETE' },
      { method: 'OPTIONS' },
      { path: '/nothing' },
    ]
    for (const ask of asks) {
      const reply = responseOf(await handler(eventOf(ask), context))
      expect(reply.status).toMatch(/^\d{3}$/)
      for (const [name, lines] of Object.entries(reply.headers ?? {})) {
        expect(name).toMatch(/^[a-z0-9-]+$/)
        for (const { key, value } of lines) {
          expect(key?.toLowerCase()).toBe(name)
          expect(value).toMatch(/^[\x20-\x7e]*$/)
        }
        if (name !== 'set-cookie') expect(lines).toHaveLength(1)
      }
    }
  })
})
