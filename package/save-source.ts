import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { AssetError } from '../shared/errors.ts'

/** Bytes, a stream of them (Node's or the web's), a Blob, or a file by its path. */
export type SaveSource = Uint8Array | Blob | AsyncIterable<Uint8Array> | { readonly file: string }

/** A source, opened. */
export interface SavedPieces {
  /** Where the whole is in memory. */
  readonly bytes: Uint8Array | undefined
  readonly size: number | undefined
  /** To be called once. Throws `ERR_UPLOAD_MISMATCH` where the source has another length than `size`. */
  readonly pieces: () => AsyncIterable<Uint8Array>
}

/**
 * Opens a source.
 *
 * @param declared bytes, where the caller says so.
 * @throws AssetError `ERR_UPLOAD_MISMATCH` where a source whose length is known has another; `ERR_UPLOAD_INCOMPLETE` where it cannot
 *   be read.
 */
export async function savedPieces(source: SaveSource, declared: number | undefined): Promise<SavedPieces> {
  const { known, pieces } = await open(source)
  if (known !== undefined && declared !== undefined && known !== declared) throw mismatch()
  const size = known ?? declared
  const bytes = source instanceof Uint8Array ? source : undefined
  return { bytes, size, pieces: () => ofLength(pieces, size) }
}

async function open(source: SaveSource): Promise<{ known: number | undefined; pieces: () => AsyncIterable<unknown> }> {
  if (source instanceof Uint8Array) return { known: source.length, pieces: () => once(source) }
  if (source instanceof Blob) return { known: source.size, pieces: () => source.stream() }
  if (typeof source === 'object' && source !== null && 'file' in source) {
    const stats = await stat(source.file).catch((cause: unknown) => {
      throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the file cannot be read', { cause })
    })
    if (!stats.isFile()) throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the file is no regular file')
    return { known: stats.size, pieces: () => createReadStream(source.file, { highWaterMark: 1024 ** 2 }) }
  }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return { known: undefined, pieces: () => source }
  }
  throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'a source is bytes, a Blob, a stream or { file }')
}

/** A stream that ends early or late, or fails, must not become a file: whoever reads the pieces sees an error in place of their end. */
async function* ofLength(pieces: () => AsyncIterable<unknown>, size: number | undefined): AsyncIterable<Uint8Array> {
  let sent = 0
  try {
    for await (const piece of pieces()) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      if (!(bytes instanceof Uint8Array))
        throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'a piece of the stream is no bytes')
      sent += bytes.length
      if (size !== undefined && sent > size) throw mismatch()
      yield bytes
    }
  } catch (cause) {
    if (cause instanceof AssetError) throw cause
    throw new AssetError('ERR_UPLOAD_INCOMPLETE', 'the stream failed', { cause })
  }
  if (size !== undefined && sent < size) throw mismatch()
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

function mismatch(): AssetError {
  return new AssetError('ERR_UPLOAD_MISMATCH', 'the source has another length than was declared')
}
