import { expect, it } from 'vitest'
import { createEdgeClient } from '../../../client/edge-client.ts'
import { RangeReader, type RangeReaderOptions } from '../../../client/range-reader.ts'
import { type ClientServer, clientCode, createClientServer } from '../../support/client-server.ts'

const KiB = 1024

function open(size: number, options: RangeReaderOptions = {}) {
  const server = createClientServer(size)
  const client = createEdgeClient(server.options)
  const reader = new RangeReader(client, '/users/alice/disk.raw', { chunkSize: KiB, ...options })
  return { server, client, reader }
}

const ranges = ({ reads }: ClientServer) => reads.map((read) => read.split(' ').at(-1))
const pattern = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, at) => (from + at) % 251)

it('reads across chunks, each of them once, aligned', async () => {
  const { server, reader } = open(10 * KiB + 5, { readAhead: 0 })
  expect(await reader.read(1000, 2000)).toEqual(pattern(1000, 3000))
  expect(await reader.read(500, 2500)).toEqual(pattern(500, 3000))
  expect(await reader.read(10 * KiB, 99)).toEqual(pattern(10 * KiB, 10 * KiB + 5))
  expect(ranges(server).sort()).toEqual(['bytes=0-1023', 'bytes=1024-2047', 'bytes=10240-10244', 'bytes=2048-3071'])
  expect(await reader.size()).toBe(10 * KiB + 5)
})

it('asks for the size by one byte', async () => {
  const { server, reader } = open(7)
  expect([await reader.size(), await reader.size()]).toEqual([7, 7])
  expect(ranges(server)).toEqual(['bytes=0-0'])
  expect(reader.etag).toBe('"v1"')
})

it('shares a flight, and aborts it when its last reader gives up', async () => {
  const { server, reader } = open(10 * KiB)
  let aborted = 0
  server.answer = (_, request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => {
        aborted++
        reject(request.signal.reason)
      })
    })
  const [one, two] = [new AbortController(), new AbortController()]
  const first = clientCode(reader.read(0, 1, { signal: one.signal }))
  const second = clientCode(reader.read(1, 1, { signal: two.signal }))
  await turn()
  one.abort()
  expect(await first).toBe('AbortError')
  expect(aborted).toBe(0)
  two.abort()
  expect(await second).toBe('AbortError')
  await turn()
  expect([aborted, server.reads.length]).toEqual([1, 1])
  server.answer = (proper) => proper
  expect(await reader.read(0, 3)).toEqual(pattern(0, 3))
})

it('reads ahead after three consecutive chunks, not before, and not beyond the end', async () => {
  const { server, reader } = open(6 * KiB)
  await reader.read(0, 1)
  await reader.read(KiB, 1)
  expect(server.reads).toHaveLength(2)
  await reader.read(2 * KiB, 1)
  await turn()
  expect(server.reads).toHaveLength(5)
  await reader.read(3 * KiB, 1)
  await reader.read(4 * KiB, 1)
  await reader.read(5 * KiB, 1)
  expect(server.reads).toHaveLength(6)
})

it('does not read ahead for random reads', async () => {
  const { server, reader } = open(100 * KiB)
  for (const chunk of [5, 90, 6, 91, 7, 92, 8]) await reader.read(chunk * KiB, 1)
  expect(server.reads).toHaveLength(7)
})

it('keeps the chunks used last, within its bound', async () => {
  const { server, reader } = open(100 * KiB, { cacheBytes: 3 * KiB, readAhead: 0 })
  for (const chunk of [0, 20, 40]) await reader.read(chunk * KiB, 1)
  await reader.read(0, 1)
  await reader.read(60 * KiB, 1)
  expect(reader.cachedChunks).toEqual([40, 0, 60])
  await reader.read(0, 1)
  expect(server.reads).toHaveLength(4)
})

it.each([0, 5, 10 * KiB])('has no byte beyond an empty file, read at %i', async (offset) => {
  const { reader } = open(0)
  expect(await reader.read(offset, 10)).toEqual(new Uint8Array(0))
  expect(await reader.size()).toBe(0)
  expect(await new Response(reader.stream()).arrayBuffer()).toHaveProperty('byteLength', 0)
})

it('allocates what the file has, not what was asked for', async () => {
  const { reader } = open(10)
  expect(await reader.read(4, Number.MAX_SAFE_INTEGER - 4)).toEqual(pattern(4, 10))
  expect(await reader.read(11, 2 ** 50)).toEqual(new Uint8Array(0))
})

it('reads the end of 5 TiB', async () => {
  const { server, reader } = open(5 * 2 ** 40)
  const end = 5 * 2 ** 40
  expect(await reader.read(end - 10, 100)).toEqual(pattern(end - 10, end))
  expect(ranges(server)).toEqual([`bytes=${end - KiB}-${end - 1}`])
})

it.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
  'refuses %d as an offset or length',
  async (value) => {
    const { server, reader } = open(10)
    expect(await clientCode(reader.read(value, 1))).toBe('ERR_ARGUMENT')
    expect(await clientCode(reader.read(0, value))).toBe('ERR_ARGUMENT')
    expect(server.reads).toEqual([])
  },
)

const changed = (
  proper: Response,
  changes: Record<string, string | null>,
  status = proper.status,
  body = proper.body,
) => {
  const headers = new Headers(proper.headers)
  for (const [name, value] of Object.entries(changes)) value === null ? headers.delete(name) : headers.set(name, value)
  return new Response(body, { status, headers })
}

it.each<[string, string, (proper: Response) => Response]>([
  ['the whole file for a range', 'ERR_RANGE_IGNORED', (r) => changed(r, { 'content-range': null }, 200)],
  ['gzip', 'ERR_TRANSFORMED', (r) => changed(r, { 'content-encoding': 'gzip' })],
  ['a weak ETag', 'ERR_TRANSFORMED', (r) => changed(r, { etag: 'W/"v1"' })],
  ['no ETag', 'ERR_RESPONSE_INVALID', (r) => changed(r, { etag: null })],
  ['no Content-Range', 'ERR_RESPONSE_INVALID', (r) => changed(r, { 'content-range': null })],
  ['an unknown size', 'ERR_RESPONSE_INVALID', (r) => changed(r, { 'content-range': 'bytes 0-1023/*' })],
  ['a size beyond 2^53', 'ERR_RESPONSE_INVALID', (r) => changed(r, { 'content-range': `bytes 0-1023/${2 ** 60}` })],
  ['another range', 'ERR_RESPONSE_INVALID', (r) => changed(r, { 'content-range': 'bytes 1-1024/5120' })],
  ['a shorter range', 'ERR_RESPONSE_INVALID', (r) => changed(r, { 'content-range': 'bytes 0-1022/5120' })],
  ['another length', 'ERR_BODY_SIZE', (r) => changed(r, { 'content-length': '5' })],
  ['a short body', 'ERR_BODY_SIZE', (r) => changed(r, { 'content-length': null }, 206, new Response('abc').body)],
  ['no body', 'ERR_BODY_SIZE', (r) => changed(r, {}, 206, null)],
  ['a body without end', 'ERR_BODY_SIZE', (r) => changed(r, { 'content-length': null }, 206, endless())],
  ['204', 'ERR_RESPONSE_INVALID', () => new Response(null, { status: 204 })],
  ['404', 'ERR_NOT_FOUND', () => new Response('<html>', { status: 404, headers: { 'content-type': 'text/html' } })],
  ['400', 'ERR_REFUSED', () => Response.json({ code: 'ERR_REQUEST_INVALID' }, { status: 400 })],
])('refuses %s', async (_, code, change) => {
  const { server, reader } = open(5 * KiB)
  server.answer = change
  expect(await clientCode(reader.read(0, 10))).toBe(code)
  expect(server.waits).toEqual([])
  server.answer = (proper) => proper
  expect(await reader.read(0, 10)).toEqual(pattern(0, 10))
})

it('names a changed file, and stays with that', async () => {
  const { server, reader } = open(5 * KiB)
  await reader.read(0, 10)
  server.etag = '"v2"'
  expect(await clientCode(reader.read(2 * KiB, 10))).toBe('ERR_FILE_CHANGED')
  server.etag = '"v1"'
  expect(await clientCode(reader.read(0, 10))).toBe('ERR_FILE_CHANGED')
  expect(reader.cachedChunks).toEqual([])
})

it('retries 429, 5xx and lost answers, waiting longer each time, with jitter', async () => {
  const { server, reader } = open(5 * KiB)
  const troubles = [
    () => new Response(null, { status: 503 }),
    () => new Response(null, { status: 429, headers: { 'retry-after': '7' } }),
    () => Promise.reject(new TypeError('network')),
    () => new Response(null, { status: 500 }),
  ]
  server.answer = (proper) => troubles.shift()?.() ?? proper
  expect(await reader.read(0, 10)).toEqual(pattern(0, 10))
  expect(server.waits).toEqual([250, 7000, 1000, 2000])
  server.answer = () => new Response(null, { status: 502 })
  expect(await clientCode(reader.read(3 * KiB, 10))).toBe('ERR_UNAVAILABLE')
  expect(server.reads).toHaveLength(5 + 5)
})

it('renews the session after a 403, once', async () => {
  const { server, reader } = open(5 * KiB)
  let refusals = 1
  server.answer = (proper) => (refusals-- > 0 ? new Response('<xml>', { status: 403 }) : proper)
  expect(await reader.read(0, 10)).toEqual(pattern(0, 10))
  expect([server.mints, server.reads.length]).toEqual([2, 2])
  refusals = 99
  expect(await clientCode(reader.read(3 * KiB, 10))).toBe('ERR_FORBIDDEN')
  expect([server.mints, server.reads.length]).toEqual([3, 4])
})

it('streams by one request, and by another from where it broke off', async () => {
  const { server, reader } = open(5 * KiB)
  let cuts = 1
  server.answer = (proper) => (cuts-- > 0 ? changed(proper, {}, 206, cutAfter(1500)) : proper)
  const bytes = new Uint8Array(await new Response(reader.stream({ start: 10, end: 4000 })).arrayBuffer())
  expect(bytes.length).toBe(3990)
  expect(bytes.subarray(1500)).toEqual(pattern(1510, 4000))
  expect(ranges(server)).toEqual(['bytes=10-3999', 'bytes=1510-3999'])
})

it('ends its requests and reads when it is closed', async () => {
  const { server, reader } = open(5 * KiB)
  await reader.read(0, 1)
  server.answer = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const read = clientCode(reader.read(2 * KiB, 1))
  await turn()
  reader.close()
  expect(await read).toBe('ERR_CLOSED')
  expect(await clientCode(reader.read(0, 1))).toBe('ERR_CLOSED')
})

/** Lets what is ready run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(4096)) })
}

function cutAfter(bytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = false
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new TypeError('network'))
      sent = true
      controller.enqueue(new Uint8Array(bytes))
    },
  })
}
