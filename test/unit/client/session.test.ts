import { afterEach, expect, it } from 'vitest'
import { createEdgeClient, type EdgeClient } from '../../../client/edge-client.ts'
import { keyPath, parseObjectKey } from '../../../shared/assets/object-key.ts'
import { clientCode, createClientServer } from '../../support/client-server.ts'

const clients: EdgeClient[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

function open() {
  const server = createClientServer(100)
  const client = createEdgeClient(server.options)
  clients.push(client)
  return { server, client }
}

it('mints once for all callers, and again after refreshAt', async () => {
  const { server, client } = open()
  const [one, two] = await Promise.all([client.ensureSession(), client.ensureSession()])
  expect(one.prefixes).toEqual(['/users/alice/'])
  expect(one).toBe(two)
  server.now += 2879_000
  await client.ensureSession()
  expect(server.mints).toBe(1)
  server.now += 2000
  await client.ensureSession()
  expect(server.mints).toBe(2)
})

it('counts the life of the cookies from the answer, whatever the device’s clock says', async () => {
  const { server, client } = open()
  const proper = server.mint
  server.mint = () => {
    const wrong = server.now
    server.now = 1_500_000_000_000
    const answer = proper()
    server.now = wrong
    return answer
  }
  await client.ensureSession()
  await client.ensureSession()
  expect(server.mints).toBe(1)
})

it.each<[string, string, () => Response | Promise<Response>]>([
  ['no session', 'ERR_SIGNED_OUT', () => Response.json({ code: 'ERR_SESSION_MISSING' }, { status: 401 })],
  ['a session without grants', 'ERR_FORBIDDEN', () => Response.json({ code: 'ERR_GRANT_NONE' }, { status: 403 })],
  ['HTML', 'ERR_RESPONSE_INVALID', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['broken JSON', 'ERR_RESPONSE_INVALID', () => new Response('{', { headers: { 'content-type': 'application/json' } })],
  ['other JSON', 'ERR_RESPONSE_INVALID', () => Response.json({ expiresAt: 'soon', refreshAt: 1, prefixes: [1] })],
  ['an outage', 'ERR_UNAVAILABLE', () => new Response(null, { status: 503 })],
  ['no network', 'ERR_NETWORK', () => Promise.reject(new TypeError('failed'))],
])('has a code for %s', async (_, code, mint) => {
  const { server, client } = open()
  const proper = server.mint
  server.mint = mint
  expect(await clientCode(client.ensureSession())).toBe(code)
  expect(client.session).toBeUndefined()
  server.mint = proper
  await client.ensureSession()
  expect(client.session?.prefixes).toEqual(['/users/alice/'])
})

it('carries the server’s code, and no text of the answer', async () => {
  const { server, client } = open()
  server.mint = () => Response.json({ code: 'ERR_SESSION_EXPIRED', detail: 'secret' }, { status: 401 })
  const error = await client.ensureSession().catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'ERR_SIGNED_OUT', reason: 'ERR_SESSION_EXPIRED', status: 401 })
  expect(String(error)).not.toContain('secret')
})

it('lets one caller give up without the others', async () => {
  const { server, client } = open()
  const proper = server.mint
  let answer = () => {}
  server.mint = () => new Promise((resolve) => (answer = () => resolve(proper() as Response)))
  const gone = new AbortController()
  const first = clientCode(client.ensureSession({ signal: gone.signal }))
  const second = client.ensureSession()
  await new Promise((resolve) => setImmediate(resolve))
  gone.abort()
  expect(await first).toBe('AbortError')
  answer()
  expect((await second).prefixes).toEqual(['/users/alice/'])
  expect(server.mints).toBe(1)
})

it('sends cookies to the stage only', async () => {
  const { server, client } = open()
  expect(await clientCode(client.fetch('https://elsewhere.example/users/alice/x'))).toBe('ERR_ARGUMENT')
  expect(await clientCode(client.fetch('//elsewhere.example/x'))).toBe('ERR_ARGUMENT')
  expect([server.mints, server.reads]).toEqual([0, []])
  await client.fetch('/public/logo.png')
  expect(server.mints).toBe(0)
})

it.each(['a b', 'ä#?%+&"\'', '😀', 'שלום', '(1)!*', 'x'.repeat(255)])(
  'writes the key segment %s as the API does',
  (name) => {
    const { client } = open()
    const path = new URL(client.url(`users/alice/${name}`)).pathname
    expect(decodeURIComponent(path)).toBe(`/users/alice/${name}`)
    if (!/[*?]/.test(name))
      expect(client.url(`users/alice/${name}`)).toBe(
        `${client.cdn}${keyPath(parseObjectKey(`users/alice/${name}`, 1024))}`,
      )
  },
)

it('reads /api/me, and refuses another form of it', async () => {
  const { server, client } = open()
  const me = { sub: 'alice', grants: [{ prefix: '/users/alice/', access: 'read' }], scopes: ['x'] }
  server.answer = () => Response.json(me)
  expect(await client.me()).toEqual(me)
  server.answer = () => Response.json({ ...me, grants: [{ prefix: 1 }] })
  expect(await clientCode(client.me())).toBe('ERR_RESPONSE_INVALID')
})
