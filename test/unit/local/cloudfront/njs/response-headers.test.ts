import { describe, expect, it } from 'vitest'
import { applyResponseHeaders } from '../../../../../local/cloudfront/njs/viewer-response.ts'
import type { CorsPolicy, ResponseHeadersPolicy } from '../../../../../local/cloudfront/template/model.ts'
import type { FunctionValues } from '../../../../../shared/cloudfront/function-event.ts'

const cors: CorsPolicy = {
  credentials: true,
  origins: ['http://localhost:*', 'https://app.example.com'],
  methods: ['GET', 'HEAD'],
  headers: ['Range'],
  exposeHeaders: ['ETag'],
  maxAge: 600,
  override: true,
}
const policy: ResponseHeadersPolicy = { cors, set: [], remove: [] }

function apply(
  used: ResponseHeadersPolicy,
  origin: string | undefined,
  before: Record<string, string> = {},
  preflight = false,
) {
  const headers: FunctionValues = Object.fromEntries(Object.entries(before).map(([name, value]) => [name, { value }]))
  applyResponseHeaders(used, { origin, preflight }, headers)
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.value]))
}

describe('applyResponseHeaders', () => {
  it('gives an allowed origin its own name, credentials and the exposed headers', () => {
    expect(apply(policy, 'http://localhost:3000')).toEqual({
      vary: 'Origin',
      'access-control-allow-origin': 'http://localhost:3000',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'ETag',
    })
  })

  it.each([
    'http://localhost:3000.evil.test',
    'http://localhost:',
    'http://localhost:1/x',
    'https://app.example.com.evil.test',
    'null',
  ])('gives %s no permission', (origin) => expect(apply(policy, origin)).toEqual({ vary: 'Origin' }))

  it('answers methods, headers and time only to a preflight', () => {
    expect(apply(policy, 'https://app.example.com', {}, true)).toMatchObject({
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': 'Range',
      'access-control-max-age': '600',
    })
  })

  it('replaces the CORS headers of the origin, or without override leaves all CORS to it', () => {
    const sent = { 'access-control-allow-origin': '*' }
    expect(apply(policy, undefined, sent)).toEqual({})
    expect(apply({ ...policy, cors: { ...cors, override: false } }, 'https://app.example.com', sent)).toEqual(sent)
  })

  it('adds to Vary once', () => {
    expect(apply(policy, 'null', { vary: 'Accept-Encoding' }).vary).toBe('Accept-Encoding, Origin')
    expect(apply(policy, 'null', { vary: 'origin' }).vary).toBe('origin')
  })

  it('removes first, then sets; without override only what is missing', () => {
    const set = [
      { name: 'a', value: 'policy', override: true },
      { name: 'b', value: 'policy', override: false },
      { name: 'c', value: 'policy', override: false },
    ]
    expect(apply({ cors: undefined, set, remove: ['c', 'd'] }, undefined, { a: '1', b: '1', c: '1', d: '1' })).toEqual({
      a: 'policy',
      b: '1',
      c: 'policy',
    })
  })
})
