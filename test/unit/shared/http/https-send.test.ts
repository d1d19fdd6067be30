import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { send } from '../../../../shared/http/https-send.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const get = (url: string, timeoutMs = 20_000) => send({ url, method: 'GET', headers: {} }, timeoutMs)

test('sends headers and body, and reads status and body', async () => {
  const url = await serve(async (request, response) => {
    const { method, headers } = request
    response.writeHead(201).end(JSON.stringify({ method, a: headers['x-a'], body: await text(request), headers }))
  })
  const { status, body } = await send({ url, method: 'POST', headers: { 'x-a': '1' }, body: 'é' }, 20_000)
  expect([status, JSON.parse(body)]).toMatchObject([201, { method: 'POST', a: '1', body: 'é' }])
  expect(JSON.parse(body).headers['content-length']).toBe('2')
})

test('sends the next request on the same connection', async () => {
  const ports = new Set<number | undefined>()
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort)
    response.end('x')
  })
  for (let i = 0; i < 3; i++) await get(url)
  expect(ports.size).toBe(1)
})

test('follows no redirect', async () => {
  const url = await serve((_, response) => void response.writeHead(302, { location: '/other' }).end('moved'))
  expect(await get(url)).toEqual({ status: 302, body: 'moved' })
})

test.each<[string, RequestListener, RegExp]>([
  ['an answer that is too long', (_, response) => void response.end('x'.repeat(5e6)), /too long/],
  ['an answer that is cut short', cutShort, /aborted|cut short|ECONNRESET/],
  ['a connection that ends', (request) => void request.socket.destroy(), /ECONNRESET|hang up/],
])('rejects %s', async (_what, listener, message) => {
  await expect(get(await serve(listener))).rejects.toThrow(message)
})

function cutShort(...[, response]: Parameters<RequestListener>): void {
  response.writeHead(200, { 'content-length': '100' })
  response.write('half', () => response.destroy())
}

test('rejects a server that does not answer in time, and one that does not end', async () => {
  await expect(get(await serve(() => {}), 50)).rejects.toThrow('timed out')
  server?.closeAllConnections()
  await expect(get(await serve((_, response) => void response.write('and')), 50)).rejects.toThrow('timed out')
})

test('reads an answer that arrived while nothing could run, although its time is over', async () => {
  const url = await serve((_, response) => void response.end('late'))
  await get(url)
  const answer = get(url, 100)
  // The server runs in this process, so it answers in the turn before the timer's.
  setImmediate(() => setImmediate(() => setImmediate(block)))
  expect((await answer).body).toBe('late')
})

/** No CPU for 150 ms, as in a function that used up its share. */
function block(): void {
  const end = performance.now() + 150
  while (performance.now() < end);
}
