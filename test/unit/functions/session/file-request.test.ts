import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { FunctionRequest, FunctionResponse } from '../../../../shared/cloudfront/function-event.ts'
import { viewerRequestEvent } from '../../../support/function-events.ts'
import { describeWithNjs, runFunction } from '../../../support/njs.ts'
import { cookieHeader, policyFor, signedCookies } from '../../../support/policy-signer.ts'
import { ecPrivatePem } from '../../fixtures/key-pairs.ts'
import { buildGuard } from '../guard/guard-bundle.ts'
import { configOf, context, distributionHost, edgeFunction, eventOf, keyPairId, start } from './edge.ts'

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})

const stage = { rangeOnly: ['/users/alice/disks/'] }
const config = configOf({ enforcement: 'gate', ...stage })
const everything = { resource: `https://${distributionHost}/*`, notBefore: start - 60, expires: start + 3600 }
const cookie = cookieHeader(
  signedCookies({ keyPairId, privateKey: ecPrivatePem, hash: 'SHA256' }, policyFor(everything)),
)

interface Request {
  readonly method?: string
  readonly uri: string
  readonly range?: string | readonly string[]
  readonly destination?: string
}

/** The session function's answers in `gate` mode, with cookies that open everything. */
async function gateOutcome({ method = 'GET', uri, range, destination }: Request): Promise<string> {
  const { handler } = edgeFunction(config)
  const headers = {
    cookie,
    ...(range === undefined ? {} : { range }),
    ...(destination === undefined ? {} : { 'sec-fetch-dest': destination }),
  }
  const result = await handler(eventOf({ method, path: uri, headers }), context)
  if (!('status' in result) || result.status === undefined) return 'passed'
  return `${result.status} ${typeof result.body === 'string' ? JSON.parse(result.body).code : ''}`
}

const requests: readonly Request[] = [
  ...['/users/alice/x', '/users/alice/', '/users/alice', '/users/alice/a+b@c', '/users/alice/%2B', '/users/a%20b/x'],
  ...['/users/alice//x', '/users/alice/../bob/x', '/users/alice/%2e%2e/x', '/users/%61lice/x', '/users/alice/a%2Fb'],
  ...['/users/alice/%c3%a9', '/users/alice/é', '/users/alice/%C0%AF', '/users/alice/100%', '/users/alice/a\\b', 'x'],
  ...['/users/a+b/x', '/users/a@b/x', '/teams/(a)/x', '/users/a%2Bb/x', '/other/a+b/x', '/constructor/a/b'],
  ...['/_incoming/1', '/_incoming', '/_state/revocations.json', '/_state/', '/_incoming2/1', '/users/_state/x'],
]
  .map((uri): Request => ({ uri }))
  .concat(
    ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'OPTIONS'].map((method) => ({ method, uri: '/users/alice/x' })),
    ['HEAD', 'POST', 'OPTIONS'].map((method) => ({ method, uri: '/users/alice//x' })),
    ['bytes=0-1,3-4', 'bytes=0-1', 'bytes=-1', 'bytes=1-', 'bytes=5-2', 'bytes', 'x=1', 'bytes=0-,'].flatMap(
      (range) => [
        { uri: '/users/alice/x', range },
        { uri: '/users/alice/disks/x', range },
        { method: 'HEAD', uri: '/users/alice/disks/x', range },
      ],
    ),
    ['script', 'worker', 'serviceworker', 'style', 'manifest', 'empty', 'image', 'document', 'Script', ''].map(
      (destination) => ({ uri: '/users/alice/x', destination }),
    ),
    ['/_state/x', '/_incoming/x', '/users/a+b/x'].map((uri) => ({ method: 'OPTIONS', uri })),
    [
      { uri: '/users/alice/x', range: ['bytes=0-1', 'bytes=3-4'] },
      { uri: '/users/alice/disks/x' },
      { uri: '/users/alice/disks' },
      { method: 'HEAD', uri: '/users/alice/disks/x' },
    ],
  )

describeWithNjs('the rules of the files', () => {
  test('are the same in both modes: the guard and the session function agree on every request', async () => {
    const events = requests.map(({ method = 'GET', uri, range, destination }) => {
      const event = viewerRequestEvent({ method, uri })
      if (destination !== undefined) event.request.headers['sec-fetch-dest'] = { value: destination }
      const [value, ...more] = range === undefined ? [] : [range].flat()
      if (value !== undefined) event.request.headers.range = { value }
      if (value !== undefined && more.length > 0) {
        event.request.headers.range = { value, multiValue: [value, ...more].map((line) => ({ value: line })) }
      }
      return event
    })
    const guard = (await runFunction(await buildGuard(stage), events)).map(guardOutcome)
    const gate: string[] = []
    for (const request of requests) gate.push(await gateOutcome(request))
    // CloudFront drops the body of an answer to HEAD; the session function does so itself.
    const told = (request: Request, outcome = '') => (request.method === 'HEAD' ? outcome.slice(0, 4) : outcome)
    const pairs = requests.map((request, i) => [JSON.stringify(request), told(request, gate[i])])
    expect(pairs).toEqual(requests.map((request, i) => [JSON.stringify(request), told(request, guard[i])]))
    expect(new Set(guard).size).toBeGreaterThan(6)
  })
})

test('each of several range-only prefixes is enforced', async () => {
  const { send } = edgeFunction(configOf({ enforcement: 'gate', rangeOnly: ['/users/alice/a/', '/users/alice/b/'] }))
  for (const path of ['/users/alice/a/x', '/users/alice/b/x'])
    expect((await send({ path })).code).toBe('ERR_RANGE_REQUIRED')
  expect((await send({ path: '/users/alice/c/x' })).code).toBe('ERR_SESSION_MISSING')
})

describe('a preflight', () => {
  test('is answered without cookies, for the allowed origins', async () => {
    const { send } = edgeFunction(config)
    const headers = { origin: 'https://app.example.com', 'access-control-request-method': 'GET' }
    const reply = await send({ method: 'OPTIONS', path: '/users/alice/x', headers })
    expect([reply.status, reply.text]).toEqual([204, ''])
    expect(reply.header('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS')
    expect(reply.header('access-control-allow-headers')).toMatch(/\bRange\b/)
    const stranger = await send({ method: 'OPTIONS', path: '/users/alice/x', headers: { origin: 'https://evil.test' } })
    expect([stranger.status, stranger.header('access-control-allow-origin')]).toEqual([204, undefined])
  })
})

function guardOutcome(result: FunctionRequest | FunctionResponse): string {
  if ('uri' in result) return 'passed'
  return `${result.statusCode} ${result.body === undefined ? '' : JSON.parse(result.body.data).code}`
}
