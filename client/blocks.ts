import { ClientError } from './errors.ts'

/**
 * Blocks of a file, each fetched once: `RangeReader` and `ChunkedReader` differ in how one block is loaded.
 *
 * A read fetches the blocks that it touches and copies its bytes from them. Reads of one block share one flight, which is aborted when the
 * last of them is. The cache holds the blocks used last, up to `cacheBytes`. Three consecutive blocks are a sequential reader: from then on
 * the next `readAhead` blocks are fetched with each.
 */

/** A source of blocks. */
export interface BlockSource {
  readonly blockSize: number
  /** Known after the first load at the latest. */
  readonly size: number | undefined
  /** Returns the bytes of a block: all of them, fewer at the end of the file, none beyond it. */
  load(index: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>
}

/** Limits of a reader. */
export interface BlockOptions {
  /** Max bytes of the cache; default 64 MiB. At least one block is kept. */
  readonly cacheBytes?: number
  /** Blocks fetched ahead of a sequential reader; default 2, 0 switches it off. */
  readonly readAhead?: number
  /** Max concurrent requests of one read; default 6. */
  readonly concurrency?: number
}

/** Options of one read. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
}

interface Flight {
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>
  readonly controller: AbortController
  users: number
}

/** Cache, flights and read-ahead over a source. */
export class Blocks {
  readonly #source: BlockSource
  readonly #cacheBytes: number
  readonly #readAhead: number
  readonly #concurrency: number
  /** In the order of use, the oldest first. */
  readonly #cache = new Map<number, Uint8Array<ArrayBuffer>>()
  readonly #flights = new Map<number, Flight>()
  #cached = 0
  #last = -2
  #run = 0
  #failure: unknown

  constructor(source: BlockSource, options: BlockOptions) {
    this.#source = source
    this.#cacheBytes = whole(options.cacheBytes ?? 64 * 2 ** 20, 'cacheBytes')
    this.#readAhead = whole(options.readAhead ?? 2, 'readAhead')
    this.#concurrency = Math.max(1, whole(options.concurrency ?? 6, 'concurrency'))
  }

  /** Returns the bytes at `offset`, fewer where the file ends before. */
  async read(offset: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
    whole(offset, 'offset')
    whole(length, 'length')
    const { blockSize } = this.#source
    const first = Math.floor(offset / blockSize)
    const head = await this.#block(first, signal)
    // The first block has told the size: a length beyond the file allocates nothing.
    const end = Math.min(offset + length, this.#source.size ?? offset)
    if (end <= offset) return new Uint8Array(0)
    const last = Math.floor((end - 1) / blockSize)
    const result = new Uint8Array(end - offset)
    copy(head, first)
    let next = first + 1
    const over = new AbortController()
    const joined = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    const work = async () => {
      while (next <= last) {
        const index = next++
        copy(await this.#block(index, joined), index)
      }
    }
    try {
      await Promise.all(Array.from({ length: Math.min(this.#concurrency, last - first) }, work))
    } finally {
      over.abort()
    }
    return result

    function copy(block: Uint8Array, index: number) {
      const start = index * blockSize
      result.set(block.subarray(Math.max(offset - start, 0), end - start), Math.max(start - offset, 0))
    }
  }

  /** Aborts every flight and empties the cache; each later read fails with `failure`. */
  fail(failure: unknown): void {
    this.#failure ??= failure
    for (const { controller } of this.#flights.values()) controller.abort(this.#failure)
    this.#flights.clear()
    this.#cache.clear()
    this.#cached = 0
  }

  /** Indexes of the blocks in the cache. */
  cached(): readonly number[] {
    return [...this.#cache.keys()]
  }

  async #block(index: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    this.#lookAhead(index)
    const hit = this.#cache.get(index)
    if (hit !== undefined) {
      this.#cache.delete(index)
      this.#cache.set(index, hit)
      return hit
    }
    const flight = this.#fly(index)
    flight.users++
    try {
      return await follow(flight.bytes, signal)
    } finally {
      flight.users--
      if (flight.users === 0 && this.#flights.get(index) === flight) {
        this.#flights.delete(index)
        flight.controller.abort()
      }
    }
  }

  #fly(index: number): Flight {
    const running = this.#flights.get(index)
    if (running !== undefined) return running
    const controller = new AbortController()
    const bytes = this.#source.load(index, controller.signal)
    const flight: Flight = { bytes, controller, users: 0 }
    this.#flights.set(index, flight)
    const land = (block?: Uint8Array<ArrayBuffer>) => {
      if (this.#flights.get(index) !== flight) return
      this.#flights.delete(index)
      if (block !== undefined && block.length > 0) this.#keep(index, block)
    }
    bytes.then(land, (error: unknown) => {
      land()
      if (error instanceof ClientError && error.code === 'ERR_FILE_CHANGED') this.fail(error)
    })
    return flight
  }

  #keep(index: number, block: Uint8Array<ArrayBuffer>): void {
    this.#cache.set(index, block)
    this.#cached += block.length
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cached <= this.#cacheBytes || oldest === index) return
      this.#cache.delete(oldest)
      this.#cached -= length
    }
  }

  #lookAhead(index: number): void {
    if (index === this.#last) return
    this.#run = index === this.#last + 1 ? this.#run + 1 : 1
    this.#last = index
    if (this.#run < 3) return
    const { size, blockSize } = this.#source
    for (let next = index + 1; next <= index + this.#readAhead; next++) {
      if (size === undefined || next * blockSize >= size) return
      if (this.#cache.has(next) || this.#flights.has(next)) continue
      const flight = this.#fly(next)
      flight.users++
      flight.bytes.then(
        () => flight.users--,
        () => flight.users--,
      )
    }
  }
}

/** Waits for the flight, or for the signal. */
function follow<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Returns the number. @throws ClientError `ERR_ARGUMENT` unless it is a whole number from 0 to 2^53 − 1. */
export function whole(value: number, name: string, min = 0): number {
  if (!Number.isSafeInteger(value) || value < min)
    throw new ClientError('ERR_ARGUMENT', `${name} must be a whole number from ${min} to 2^53 - 1`)
  return value
}
