import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { ChunkedReader, parseManifest } from '../../../client/chunked-reader.ts'
import { createEdgeClient } from '../../../client/edge-client.ts'
import { chunkName, formatManifest, parseManifest as parsePublished } from '../../../shared/chunked/manifest.ts'
import { clientCode, createClientServer } from '../../support/client-server.ts'

const image = Buffer.from(Array.from({ length: 512 * 5 }, (_, at) => (at * 7) % 256))
const chunkSize = 1024
const chunks = [0, 1, 2].map((index) => image.subarray(index * chunkSize, (index + 1) * chunkSize))
const manifest = {
  schema: 'aero.chunked-disk-image.v1',
  version: 'v1',
  mimeType: 'application/octet-stream',
  totalSize: image.length,
  chunkSize,
  chunkCount: 3,
  chunks: chunks.map((bytes) => ({
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })),
}

function open(value: unknown = manifest, change: (bytes: Buffer, index: number) => Buffer = (bytes) => bytes) {
  const server = createClientServer(0)
  server.answer = (_, { url }) => {
    const { pathname } = new URL(url)
    if (pathname === '/users/alice/win7/v1/manifest.json') return Response.json(value)
    const index = Number(/^\/users\/alice\/win7\/v1\/chunks\/(\d{8})\.bin$/.exec(pathname)?.[1] ?? Number.NaN)
    const bytes = chunks[index]
    return bytes === undefined
      ? new Response(null, { status: 404 })
      : new Response(Uint8Array.from(change(bytes, index)))
  }
  const client = createEdgeClient(server.options)
  return { server, reader: ChunkedReader.open(client, client.url('users/alice/win7/v1/manifest.json')) }
}

it('reads and streams across chunks, each fetched once', async () => {
  const { server, reader: opening } = open()
  const reader = await opening
  expect(await reader.size()).toBe(image.length)
  expect(Buffer.from(await reader.read(1000, 1200))).toEqual(image.subarray(1000, 2200))
  expect(Buffer.from(await reader.read(2500, 9999))).toEqual(image.subarray(2500))
  expect(await reader.read(image.length + 5000, 1)).toHaveLength(0)
  const streamed = await new Response(reader.stream({ start: 3 })).arrayBuffer()
  expect(Buffer.from(streamed)).toEqual(image.subarray(3))
  expect(server.reads).toHaveLength(1 + 3)
})

it('returns no byte of a chunk with another hash or length', async () => {
  const flipped = await open(manifest, (bytes, index) => (index === 1 ? Buffer.from(bytes).fill(1, 5, 6) : bytes))
    .reader
  expect(await clientCode(flipped.read(1000, 100))).toBe('ERR_CHUNK_CORRUPT')
  expect(await flipped.read(0, 10)).toHaveLength(10)
  const long = await open(manifest, (bytes) => Buffer.concat([bytes, bytes])).reader
  expect(await clientCode(long.read(0, 1))).toBe('ERR_BODY_SIZE')
  const short = await open(manifest, (bytes) => bytes.subarray(1)).reader
  expect(await clientCode(short.read(0, 1))).toBe('ERR_BODY_SIZE')
})

it.each<[string, object]>([
  ['another schema', { schema: 'x' }],
  ['a version with ..', { version: '../../bob' }],
  ['a size that is no multiple of 512', { totalSize: image.length + 1 }],
  ['a negative size', { totalSize: -512 }],
  ['a chunk size of 0', { chunkSize: 0 }],
  ['chunks above 64 MiB', { chunkSize: 65 * 2 ** 20 }],
  ['a count that is not of the size', { chunkCount: 4 }],
  ['10^6 chunks', { totalSize: 512e6, chunkSize: 512, chunkCount: 1e6 }],
  ['a width of 33', { chunkIndexWidth: 33 }],
  ['no hashes', { chunks: undefined }],
  ['fewer hashes than chunks', { chunks: manifest.chunks.slice(1) }],
  ['a lying size of a chunk', { chunks: manifest.chunks.map((chunk) => ({ ...chunk, size: 1 })) }],
  ['a hash that is none', { chunks: manifest.chunks.map(() => ({ sha256: '../x' })) }],
  ['chunks that are no objects', { chunks: [null, 1, 'x'] }],
])('refuses a manifest with %s', async (_, change) => {
  expect(await clientCode(open({ ...manifest, ...change }).reader)).toBe('ERR_MANIFEST_INVALID')
})

it('accepts a manifest without hashes only where that is asked for', () => {
  const { chunks: _, ...bare } = manifest
  expect(() => parseManifest(bare)).toThrow('chunks')
  expect(parseManifest(bare, true).hashes).toEqual([])
})

it('reads the manifests and chunk names that `publish` writes', () => {
  const published = parsePublished(JSON.stringify({ ...manifest, chunkIndexWidth: 8 }))
  const read = parseManifest(JSON.parse(formatManifest(published)))
  expect(read).toMatchObject({ totalSize: image.length, chunkSize, chunkCount: 3, chunkIndexWidth: 8 })
  expect(read.hashes).toEqual(manifest.chunks.map(({ sha256 }) => sha256))
  expect(chunkName(published, 12)).toMatch(/00000012\.bin$/)
})
