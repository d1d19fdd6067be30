import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { NjsRequest } from '../../../../local/edge/njs.ts'
import type { Handler, PlainBehaviour, PlainEdge } from '../../../../local/edge/plain-edge.ts'
import { decide, finish } from '../../../../local/edge/plain-request.ts'
import { customPolicy } from '../../../../shared/cloudfront/policy.ts'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'

const now = Math.floor(Date.now() / 1000)
const policy = { host: 'localhost:8080', prefix: parseResourcePrefix('/users/alice/'), notBefore: now - 60 }
const headersIn = { Host: 'localhost:8080', Range: 'bytes=0-9', Cookie: 'edge-issued=1.x' }

function request(variables: Record<string, string>, headers: Record<string, string> = headersIn): NjsRequest {
  return {
    method: 'GET',
    remoteAddress: '127.0.0.1',
    headersIn: headers,
    rawHeadersIn: Object.entries(headers),
    headersOut: { 'Content-Type': 'text/html' },
    rawHeadersOut: [
      ['ETag', '"1"'],
      ['Expires', '0'],
    ],
    variables: { edge_plain: '5/users/alice/disk.img', edge_plain_policy_digits: encode(now + 60), ...variables },
    status: 206,
    return: () => {},
    error: () => {},
    log: () => {},
  }
}

function encode(expires: number): string {
  return btoa(customPolicy({ ...policy, expires })).replaceAll('=', '')
}

function edge(behaviour: Partial<PlainBehaviour> = {}): PlainEdge & { readonly wholeWay: string[] } {
  const wholeWay: string[] = []
  const whole = {
    decide: () => void wholeWay.push('decide'),
    finish: () => void wholeWay.push('finish'),
    adopt: (path: string) => void wholeWay.push(`adopt ${path}`),
    cookiesOf: () => ({ 'edge-issued': { value: '1.x' } }),
  }
  return {
    distributionId: 'E1',
    keyGroupGenerationFile: fileURLToPath(import.meta.url),
    behaviour: () => ({ signed: true, viewerRequest: null, viewerResponse: null, setHeaders: () => {}, ...behaviour }),
    whole: () => whole,
    wholeWay,
  }
}

type Event = { request: Record<'uri' | 'method', string> & { headers: Record<string, unknown>; cookies: unknown } }
const asFunction = (handler: (event: Event) => unknown) => () => handler as Handler

function withHeaders(headers: Record<string, unknown>): (event: Event) => unknown {
  return ({ request }) => {
    Object.assign(request.headers, headers)
    return request
  }
}

describe('the short way', () => {
  it('goes on with a request that a policy covers and its function leaves alone', async () => {
    const events: unknown[] = []
    const ours = edge({
      viewerRequest: asFunction(async (event) => {
        events.push(JSON.parse(JSON.stringify(event)))
        return event.request
      }),
    })
    const r = request({})
    decide(ours, r)
    await Promise.resolve()
    await Promise.resolve()
    expect([r.variables.edge_target, ours.wholeWay]).toEqual(['plain5', []])
    expect(r.variables.edge_generation).toContain('the short way')
    expect(events).toEqual([
      {
        version: '1.0',
        context: { distributionDomainName: 'localhost:8080', distributionId: 'E1', eventType: 'viewer-request' },
        viewer: { ip: '127.0.0.1' },
        request: {
          method: 'GET',
          uri: '/users/alice/disk.img',
          querystring: {},
          headers: { host: { value: 'localhost:8080' }, range: { value: 'bytes=0-9' } },
          cookies: { 'edge-issued': { value: '1.x' } },
        },
      },
    ])
  })

  it.each<[string, NjsRequest]>([
    ['that nginx does not take for plain', request({ edge_plain: '' })],
    ['whose policy has expired', request({ edge_plain_policy_digits: encode(now - 1) })],
    ['for another prefix', request({ edge_plain: '5/users/bob/disk.img' })],
    ['without cookies', request({ edge_plain_policy_digits: '' })],
    ['with conditions', request({}, { ...headersIn, 'If-Range': '"1"' })],
  ])('leaves to the whole edge a request %s', (_, r) => {
    const ours = edge()
    decide(ours, r)
    expect([r.variables.edge_target, ours.wholeWay]).toEqual([undefined, ['decide']])
  })

  it.each<[string, (event: Event) => unknown]>([
    ['answers', () => ({ statusCode: 403 })],
    ['changes the path', ({ request }) => Object.assign(request, { uri: '/users/bob/x' })],
    ['changes the method', ({ request }) => Object.assign(request, { method: 'HEAD' })],
    ['changes the range', withHeaders({ range: { value: 'bytes=1-2' } })],
    [
      'changes the range in place',
      ({ request }) => {
        Object.assign(request.headers.range ?? {}, { value: 'x' })
        return request
      },
    ],
    ['adds a condition', withHeaders({ 'if-match': { value: '"2"' } })],
    ['adds a query', ({ request }) => Object.assign(request, { querystring: { a: { value: '1' } } })],
    ['gives another request', ({ request }) => ({ ...request })],
    ['returns nothing', () => undefined],
    [
      'fails',
      () => {
        throw new Error('broken')
      },
    ],
  ])('leaves to the whole edge a function that %s', (_, handler) => {
    const ours = edge({ viewerRequest: asFunction(handler) })
    const r = request({})
    decide(ours, r)
    expect([r.variables.edge_target, ours.wholeWay]).toEqual([undefined, ['decide']])
  })

  it('writes what the policy and the function changed, and nothing that frames the message', () => {
    const ours = edge({
      setHeaders: (headers) => Object.assign(headers, { 'x-policy': { value: 'yes' } }),
      viewerResponse: () => (event) => {
        const { response } = event as { response: { headers: Record<string, unknown> } }
        delete response.headers.expires
        Object.assign(response.headers, { via: { value: 'me' }, 'content-type': { value: 'image/png' } })
        return response
      },
    })
    const r = request({})
    decide(ours, r)
    finish(ours, 5, r)
    expect(ours.wholeWay).toEqual([])
    expect(r.headersOut).toEqual({
      'Content-Type': 'text/html',
      'content-type': 'image/png',
      'accept-ranges': 'bytes',
      'x-cache': 'Miss from cloudfront',
      'x-policy': 'yes',
      expires: undefined,
    })
  })

  it.each<[string, Partial<NjsRequest>, Record<string, string>]>([
    ['an error of the origin', { status: 404 }, {}],
    ['a request with an Origin', {}, { Origin: 'http://localhost:1' }],
  ])('leaves to the whole edge %s', (_, more, headers) => {
    const ours = edge()
    const r = { ...request({}, { ...headersIn, ...headers }), ...more }
    decide(ours, r)
    finish(ours, 5, r)
    expect(ours.wholeWay).toEqual(['adopt /users/alice/disk.img', 'finish'])
  })
})
