import { type BlockOptions, type BlockSource, Blocks, type ReadOptions, whole } from './blocks.ts'
import type { EdgeClient } from './edge-client.ts'
import { ClientError, errorOf } from './errors.ts'
import { withRetries } from './retry.ts'

/** Random access to a file, by ranges or by chunks. */
export interface ByteReader {
  /** Bytes of the file. */
  size(options?: ReadOptions): Promise<number>
  /** Returns the bytes at `offset`; fewer than `length` where the file ends, none beyond its end. */
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>
  /** Streams from `start` to before `end`, by default the whole file. Cancelling it ends the requests. */
  stream(options?: StreamOptions): ReadableStream<Uint8Array<ArrayBuffer>>
  /** Aborts every request and frees the cache. */
  close(): void
}

/** A part of a file. */
export interface StreamOptions extends ReadOptions {
  readonly start?: number
  readonly end?: number
}

/** Options of a reader. */
export interface RangeReaderOptions extends BlockOptions {
  /** Ranges are aligned to this many bytes; default 1 MiB. */
  readonly chunkSize?: number
}

/** The version that all answers must be of. */
interface Version {
  readonly etag: string
  readonly size: number
}

/** Bytes of one answer, still to be read. */
interface Part {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null
  readonly length: number
}

/**
 * Reads a file by ranges.
 *
 * A request is `GET` with `Range: bytes=a-b`, which browsers send to another origin without a preflight
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header): a key group refuses preflights. `If-Range` would need one, so
 * the ETag is compared here. Every answer must be of the same version, with exactly the bytes that were asked for, as the origin stored
 * them.
 *
 * Errors: those of `EdgeClient.fetch`, `ERR_NOT_FOUND`, `ERR_UNAVAILABLE`, `ERR_FILE_CHANGED`, `ERR_RANGE_IGNORED`,
 * `ERR_TRANSFORMED`, `ERR_BODY_SIZE`, `ERR_RESPONSE_INVALID`, `ERR_ARGUMENT`, `ERR_CLOSED`.
 *
 * @example
 * const reader = new RangeReader(client, client.url('users/alice/disk.raw'))
 * const bootSector = await reader.read(0, 512)
 */
export class RangeReader implements ByteReader {
  readonly #client: EdgeClient
  readonly #url: string
  readonly #chunkSize: number
  readonly #blocks: Blocks
  readonly #closed = new AbortController()
  #version: Version | undefined

  constructor(client: EdgeClient, url: string | URL, options: RangeReaderOptions = {}) {
    this.#client = client
    this.#url = String(url)
    this.#chunkSize = whole(options.chunkSize ?? 2 ** 20, 'chunkSize', 1)
    const version = () => this.#version
    const source: BlockSource = {
      blockSize: this.#chunkSize,
      get size() {
        return version()?.size
      },
      load: (index, signal) => this.#load(index, signal),
    }
    this.#blocks = new Blocks(source, options)
  }

  /** ETag of the file, after the first answer. */
  get etag(): string | undefined {
    return this.#version?.etag
  }

  async size({ signal }: ReadOptions = {}): Promise<number> {
    if (this.#version === undefined) await this.#attempt(0, 1, signal, (part) => collect(part))
    return this.#version?.size ?? 0
  }

  read(offset: number, length: number, { signal }: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#blocks.read(offset, length, signal)
  }

  /** One request for the whole part, and another from where the body broke off. Passes the cache by: a film would empty it. */
  stream({
    start = 0,
    end = Number.MAX_SAFE_INTEGER,
    signal,
  }: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    whole(start, 'start')
    whole(end, 'end')
    const over = new AbortController()
    const signals = [over.signal, this.#closed.signal, ...(signal === undefined ? [] : [signal])]
    const joined = AbortSignal.any(signals)
    let position = start
    let body: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined
    let left = 0
    const next = async () => {
      const last = Math.min(end, this.#version?.size ?? end)
      if (position >= last) return undefined
      try {
        if (body === undefined) {
          const part = await this.#open(position, last, joined)
          body = part.body?.getReader()
          left = part.length
        }
        const { done, value } = (await body?.read()) ?? { done: true, value: undefined }
        if (done && left > 0) throw new ClientError('ERR_NETWORK', 'the answer was cut off')
        if (value !== undefined && value.length > left) throw bodySize()
        return value
      } catch (error) {
        await body?.cancel().catch(() => {})
        body = undefined
        throw error instanceof TypeError ? new ClientError('ERR_NETWORK', 'the answer was cut off') : error
      }
    }
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      const bytes = await withRetries(next, this.#client.timing, joined)
      if (bytes === undefined) return controller.close()
      position += bytes.length
      left -= bytes.length
      controller.enqueue(bytes)
    }
    return new ReadableStream({ pull, cancel: () => over.abort() }, { highWaterMark: 1 })
  }

  close(): void {
    const closed = new ClientError('ERR_CLOSED', 'the reader is closed')
    this.#closed.abort(closed)
    this.#blocks.fail(closed)
  }

  /** Indexes of the chunks in the cache. */
  get cachedChunks(): readonly number[] {
    return this.#blocks.cached()
  }

  async #load(index: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const start = index * this.#chunkSize
    if (this.#version !== undefined && start >= this.#version.size) return new Uint8Array(0)
    const end = Math.min(start + this.#chunkSize, this.#version?.size ?? Number.MAX_SAFE_INTEGER)
    const bytes = await this.#attempt(start, end, signal, collect)
    // An unsatisfiable range tells no ETag and, from S3, no size.
    if (this.#version === undefined) await this.size({ signal })
    return bytes
  }

  #attempt<T>(start: number, end: number, signal: AbortSignal | undefined, read: (part: Part) => Promise<T>) {
    const joined = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
    return withRetries(async () => read(await this.#open(start, end, joined)), this.#client.timing, joined)
  }

  /** Opens `start` to before `end`. @returns a part without bytes where the file ends before `start`. */
  async #open(start: number, end: number, signal: AbortSignal): Promise<Part> {
    const headers = { range: `bytes=${start}-${end - 1}` }
    const response = await this.#client.fetch(this.#url, { headers, cache: 'no-store', signal })
    try {
      return await this.#check(response, start, end)
    } catch (error) {
      if (!response.bodyUsed) await response.body?.cancel()
      throw error
    }
  }

  async #check(response: Response, start: number, end: number): Promise<Part> {
    const { status, headers, body } = response
    const coding = headers.get('content-encoding')
    if (coding !== null && coding !== 'identity')
      throw new ClientError('ERR_TRANSFORMED', 'the answer is compressed: switch compression off for this path')
    const empty: Part = { body: null, length: 0 }
    if (status === 416) {
      await body?.cancel()
      const total = /^bytes \*\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1]
      // Only an empty file has no byte 0.
      const size = total === undefined ? (start === 0 ? 0 : undefined) : Number(total)
      if (size !== undefined && size > start) throw invalid('416 for a range of the file')
      if (size !== undefined) this.#pin(headers.get('etag') ?? this.#version?.etag ?? '', size)
      return empty
    }
    if (status === 200 && headers.get('content-length') === '0') {
      this.#pin(etagOf(headers), 0)
      return empty
    }
    if (status === 200) throw new ClientError('ERR_RANGE_IGNORED', 'the server sent the whole file for a range')
    if (status !== 206) throw response.ok ? invalid(`status ${status} for a range`) : await errorOf(response)
    const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
    const size = Number(total)
    if (!Number.isSafeInteger(size)) throw invalid('no usable Content-Range')
    this.#pin(etagOf(headers), size)
    if (Number(first) !== start || Number(last) !== Math.min(end, size) - 1)
      throw invalid('another range than asked for')
    const length = Math.min(end, size) - start
    const declared = headers.get('content-length')
    if (declared !== null && Number(declared) !== length) throw bodySize()
    return { body, length }
  }

  /** Notes the version of the first answer, and refuses each later answer of another. */
  #pin(etag: string, size: number): void {
    const version = this.#version
    if (version === undefined) this.#version = { etag, size }
    else if (version.etag !== etag || version.size !== size) {
      const error = new ClientError('ERR_FILE_CHANGED', 'the file has changed since it was opened: open a new reader')
      this.#blocks.fail(error)
      throw error
    }
  }
}

/** Reads a body of exactly `length` bytes; holds no more, whatever comes. */
export async function collect({ body, length }: Part): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  let at = 0
  const reader = body?.getReader()
  for (;;) {
    const next = await reader?.read().catch((cause: unknown) => {
      if (cause instanceof TypeError) throw new ClientError('ERR_NETWORK', 'the answer was cut off', { cause })
      throw cause
    })
    if (next === undefined || next.done === true) break
    if (at + next.value.length > length) {
      await reader?.cancel()
      throw bodySize()
    }
    bytes.set(next.value, at)
    at += next.value.length
  }
  if (at !== length) throw bodySize()
  return bytes
}

/** A weak ETag does not promise equal bytes (RFC 9110 section 8.8.1): compression on the way makes strong ones weak. */
function etagOf(headers: Headers): string {
  const etag = headers.get('etag')
  if (etag === null) throw invalid('no ETag: expose it by CORS')
  if (etag.startsWith('W/')) throw new ClientError('ERR_TRANSFORMED', 'the ETag is weak: something rewrites the bytes')
  return etag
}

function invalid(what: string): ClientError {
  return new ClientError('ERR_RESPONSE_INVALID', `the server sent ${what}`)
}

function bodySize(): ClientError {
  return new ClientError('ERR_BODY_SIZE', 'the body has another length than the answer says')
}
