import { type BlockOptions, Blocks, type ReadOptions, whole } from './blocks.ts'
import type { EdgeClient } from './edge-client.ts'
import { ClientError, errorOf } from './errors.ts'
import { type ByteReader, collect, type StreamOptions } from './range-reader.ts'
import { withRetries } from './retry.ts'
import { readJson } from './session.ts'

/** The manifest of the chunked form, checked. */
export interface Manifest {
  readonly version: string
  readonly mimeType: string
  readonly totalSize: number
  readonly chunkSize: number
  readonly chunkCount: number
  readonly chunkIndexWidth: number
  /** SHA-256 of each chunk in lower-case hex; empty where the manifest has none. */
  readonly hashes: readonly string[]
}

/** Options of a reader of the chunked form. */
export interface ChunkedReaderOptions extends BlockOptions, ReadOptions {
  /** Accepts a manifest without hashes. Then nothing proves the bytes. */
  readonly unverified?: boolean
}

const maxChunks = 500_000
const maxChunkSize = 64 * 2 ** 20
/** 500,000 chunks with hash and size take about 50 MB. */
const maxManifestBytes = 64 * 2 ** 20

/**
 * Reads the chunked form: `manifest.json` beside `chunks/00000000.bin`, …. Each chunk is compared with its SHA-256 before a byte of it
 * is returned. Names of chunks are made here from their index; the manifest names no path.
 *
 * Errors: those of `EdgeClient.fetch`, `ERR_NOT_FOUND`, `ERR_UNAVAILABLE`, `ERR_MANIFEST_INVALID`, `ERR_CHUNK_CORRUPT`,
 * `ERR_BODY_SIZE`, `ERR_TRANSFORMED`, `ERR_ARGUMENT`, `ERR_CLOSED`.
 *
 * @example
 * const reader = await ChunkedReader.open(client, client.url('users/alice/win7/v1/manifest.json'))
 */
export class ChunkedReader implements ByteReader {
  readonly manifest: Manifest
  readonly #client: EdgeClient
  readonly #base: string
  readonly #blocks: Blocks

  private constructor(client: EdgeClient, url: string, manifest: Manifest, options: BlockOptions) {
    this.#client = client
    this.#base = new URL('chunks/', new URL(url, `${client.cdn}/`)).href
    this.manifest = manifest
    const { chunkSize, totalSize } = manifest
    const load = (index: number, signal: AbortSignal) => this.#load(index, signal)
    this.#blocks = new Blocks({ blockSize: chunkSize, size: totalSize, load }, options)
  }

  static async open(client: EdgeClient, url: string | URL, options: ChunkedReaderOptions = {}): Promise<ChunkedReader> {
    const { signal } = options
    const value = await withRetries(
      async () => {
        const response = await client.fetch(url, { cache: 'no-store', ...(signal === undefined ? {} : { signal }) })
        if (!response.ok) throw await errorOf(response)
        return readJson(new Response(limited(response.body), { headers: response.headers }))
      },
      client.timing,
      signal,
    )
    return new ChunkedReader(client, String(url), parseManifest(value, options.unverified === true), options)
  }

  async size(): Promise<number> {
    return this.manifest.totalSize
  }

  read(offset: number, length: number, { signal }: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#blocks.read(offset, length, signal)
  }

  stream({
    start = 0,
    end = this.manifest.totalSize,
    signal,
  }: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { chunkSize, totalSize } = this.manifest
    let position = whole(start, 'start')
    const last = Math.min(whole(end, 'end'), totalSize)
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      if (position >= last) return controller.close()
      const length = Math.min(chunkSize - (position % chunkSize), last - position)
      controller.enqueue(await this.read(position, length, { signal }))
      position += length
    }
    return new ReadableStream({ pull }, { highWaterMark: 0 })
  }

  close(): void {
    this.#blocks.fail(new ClientError('ERR_CLOSED', 'the reader is closed'))
  }

  async #load(index: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { chunkSize, totalSize, chunkIndexWidth, hashes } = this.manifest
    const length = Math.min(chunkSize, totalSize - index * chunkSize)
    if (length <= 0) return new Uint8Array(0)
    const url = `${this.#base}${String(index).padStart(chunkIndexWidth, '0')}.bin`
    const bytes = await withRetries(
      async () => {
        const response = await this.#client.fetch(url, { cache: 'no-store', signal })
        if (response.status !== 200) throw await errorOf(response)
        if ((response.headers.get('content-encoding') ?? 'identity') !== 'identity') {
          await response.body?.cancel()
          throw new ClientError('ERR_TRANSFORMED', 'a chunk is compressed: switch compression off for this path')
        }
        return collect({ body: response.body, length })
      },
      this.#client.timing,
      signal,
    )
    const hash = hashes[index]
    if (hash !== undefined && (await sha256(bytes)) !== hash)
      throw new ClientError('ERR_CHUNK_CORRUPT', 'a chunk has another SHA-256 than its manifest says')
    return bytes
  }
}

/** Checks each number before anything of its size is made. @throws ClientError `ERR_MANIFEST_INVALID` with the field. */
export function parseManifest(value: unknown, unverified = false): Manifest {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>
  if (fields.schema !== 'aero.chunked-disk-image.v1') throw invalid('schema')
  const { version, mimeType, chunks } = fields
  if (typeof version !== 'string' || !/^\w[\w.-]{0,255}$/.test(version)) throw invalid('version')
  if (typeof mimeType !== 'string') throw invalid('mimeType')
  const totalSize = count(fields.totalSize, 'totalSize', Number.MAX_SAFE_INTEGER)
  const chunkSize = count(fields.chunkSize, 'chunkSize', maxChunkSize)
  if (totalSize % 512 !== 0) throw invalid('totalSize')
  if (chunkSize % 512 !== 0) throw invalid('chunkSize')
  const chunkCount = count(fields.chunkCount, 'chunkCount', maxChunks)
  if (chunkCount !== Math.ceil(totalSize / chunkSize)) throw invalid('chunkCount')
  const chunkIndexWidth = count(fields.chunkIndexWidth ?? 8, 'chunkIndexWidth', 32)
  if (String(chunkCount - 1).length > chunkIndexWidth) throw invalid('chunkIndexWidth')
  const base = { version, mimeType, totalSize, chunkSize, chunkCount, chunkIndexWidth }
  if (chunks === undefined && unverified) return { ...base, hashes: [] }
  if (!Array.isArray(chunks) || chunks.length !== chunkCount) throw invalid('chunks')
  const hashes = chunks.map((chunk: unknown, index) => {
    const { size, sha256 } = (chunk ?? {}) as Readonly<Record<string, unknown>>
    const proper = Math.min(chunkSize, totalSize - index * chunkSize)
    if (size !== undefined && size !== proper) throw invalid(`chunks[${index}].size`)
    if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) return sha256
    if (sha256 === undefined && unverified) return ''
    throw invalid(`chunks[${index}].sha256`)
  })
  return { ...base, hashes: hashes.includes('') ? [] : hashes }
}

function count(value: unknown, field: string, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0 || (value as number) > max) throw invalid(field)
  return value as number
}

function invalid(field: string): ClientError {
  return new ClientError('ERR_MANIFEST_INVALID', `${field} of the manifest breaks the rules of the chunked form`)
}

/** Ends a body that is too long for a manifest. */
function limited(body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
  let bytes = 0
  const limit = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      bytes += part.length
      if (bytes > maxManifestBytes) controller.error(new SyntaxError('too long'))
      else controller.enqueue(part)
    },
  })
  return body === null ? null : body.pipeThrough(limit)
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
