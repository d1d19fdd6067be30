import { type BoundedImage, bytesOf, ImageError, type ImageListing, limits, listEntries, piecesOf } from './image.ts'

/**
 * ZIP with ZIP64 (PKWARE APPNOTE 6.3). The directory at the end is what counts: headers before the files may say anything. A file
 * is inflated as it is read, never beyond its declared size, and its CRC-32 is compared.
 */

const endSignature = 0x06054b50
const [endBytes, maxCommentBytes, locatorBytes] = [22, 65_535, 20]

interface Directory {
  readonly offset: number
  readonly size: number
  readonly count: number
}

interface ZipFile {
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packed: number
  readonly size: number
  readonly header: number
}

/** Returns whether an image ends like a ZIP. */
export async function isZip(image: BoundedImage): Promise<boolean> {
  return (await findEnd(image)) !== undefined
}

/** Lists an archive. @throws ImageError */
export async function listZip(image: BoundedImage): Promise<ImageListing> {
  const end = await findEnd(image)
  if (end === undefined) throw new ImageError('unknown-format', 'the archive has no end record')
  const directory = await readEnd(image, end)
  const view = await image.readDirectory(directory.offset, directory.size)
  if (directory.count > limits.entries) throw new ImageError('too-large', 'the archive has too many entries')
  const list = listEntries()
  let at = 0
  for (let index = 0; index < directory.count; index++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== 0x02014b50)
      throw new ImageError('damaged', 'the directory of the archive is damaged')
    const [nameLength, extraLength] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true)]
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true)
    if (next > view.byteLength) throw new ImageError('damaged', 'the directory of the archive is damaged')
    const file = readFile(view, at, nameLength, extraLength)
    const name = nameOf(bytesOf(view, at + 46, at + 46 + nameLength), (file.flags & 0x800) !== 0)
    const isFolder = name.endsWith('/')
    list.add('', isFolder ? name.slice(0, -1) : name, {
      isFolder,
      size: isFolder ? 0 : file.size,
      extract: () => extractFile(image, file),
    })
    at = next
  }
  return { format: 'ZIP', entries: list.entries, skipped: list.skipped }
}

/** Position of the end record: the last place where one fits with its comment. */
async function findEnd(image: BoundedImage): Promise<number | undefined> {
  for (const tail of [endBytes, Math.min(endBytes + maxCommentBytes, image.size)]) {
    if (image.size < tail) return undefined
    const view = await image.read(image.size - tail, tail)
    for (let at = view.byteLength - endBytes; at >= 0; at--) {
      const isWhole =
        view.getUint32(at, true) === endSignature && at + endBytes + view.getUint16(at + 20, true) === tail
      if (isWhole) return image.size - tail + at
    }
  }
  return undefined
}

async function readEnd(image: BoundedImage, end: number): Promise<Directory> {
  const view = await image.read(end, endBytes)
  let found = {
    offset: view.getUint32(16, true),
    size: view.getUint32(12, true),
    count: view.getUint16(10, true),
  }
  let directoryEnd = end
  const locator = end >= locatorBytes ? await image.read(end - locatorBytes, locatorBytes) : undefined
  if (locator?.getUint32(0, true) === 0x07064b50) {
    directoryEnd = wholeNumber(locator, 8)
    const record = await image.read(directoryEnd, 56)
    if (record.getUint32(0, true) !== 0x06064b50) throw new ImageError('damaged', 'the ZIP64 record is not there')
    found = { offset: wholeNumber(record, 48), size: wholeNumber(record, 40), count: wholeNumber(record, 32) }
  } else if (view.getUint16(4, true) !== 0) throw new ImageError('unsupported', 'the archive has several volumes')
  if (found.offset + found.size > directoryEnd) throw new ImageError('damaged', 'the directory is behind its end')
  return found
}

function readFile(view: DataView, at: number, nameLength: number, extraLength: number): ZipFile {
  const narrow = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)]
  const [size = 0, packed = 0, header = 0] = widen(view, at + 46 + nameLength, extraLength, narrow)
  return {
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    ...{ size, packed, header },
  }
}

/** Replaces the numbers that 32 bits don't hold by those of the ZIP64 field, in its order. */
function widen(view: DataView, start: number, length: number, narrow: readonly number[]): number[] {
  if (!narrow.includes(0xffffffff)) return [...narrow]
  for (let at = start; at + 4 <= start + length; ) {
    const end = at + 4 + view.getUint16(at + 2, true)
    if (end > start + length) break
    if (view.getUint16(at, true) === 1) {
      let from = at + 4
      return narrow.map((value) => {
        if (value !== 0xffffffff) return value
        if (from + 8 > end) throw new ImageError('damaged', 'the ZIP64 field of a file is too short')
        from += 8
        return wholeNumber(view, from - 8)
      })
    }
    at = end
  }
  return [...narrow]
}

/** @throws ImageError for numbers beyond 2^53. */
function wholeNumber(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ImageError('damaged', 'a number of the archive is too large')
  return Number(value)
}

async function* extractFile(image: BoundedImage, file: ZipFile): AsyncIterable<Uint8Array> {
  if ((file.flags & 0x41) !== 0) throw new ImageError('encrypted', 'the file is encrypted')
  if (file.method !== 0 && file.method !== 8) throw new ImageError('unsupported', 'the file has another compression')
  const header = await image.read(file.header, 30)
  if (header.getUint32(0, true) !== 0x04034b50) throw new ImageError('damaged', 'the file is not where it should be')
  const start = file.header + 30 + header.getUint16(26, true) + header.getUint16(28, true)
  const packed = piecesOf(image, start, file.packed)
  let [size, crc] = [0, 0]
  for await (const piece of file.method === 0 ? packed : inflate(packed)) {
    size += piece.length
    if (size > file.size) throw new ImageError('damaged', 'the file is longer than its declared size')
    crc = crc32(crc, piece)
    yield piece
  }
  if (size !== file.size || crc !== file.crc) throw new ImageError('damaged', 'the file has another size or checksum')
}

async function* inflate(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const stream = new DecompressionStream('deflate-raw')
  const writer = stream.writable.getWriter()
  const reader = stream.readable.getReader()
  let broken: unknown
  const feeding = (async () => {
    for await (const piece of pieces) await writer.write(piece as Uint8Array<ArrayBuffer>)
    await writer.close()
  })().catch((error: unknown) => {
    broken = error
    return writer.abort(error).catch(() => {})
  })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
  } catch (error) {
    throw broken instanceof ImageError || error instanceof ImageError
      ? (broken ?? error)
      : new ImageError('damaged', 'the compressed bytes of the file are damaged')
  } finally {
    // A reader that stops early ends the reads of the image, too.
    await reader.cancel().catch(() => {})
    await feeding
  }
}

/** Names without the flag are code page 437, of which the ASCII part is the same everywhere. */
function nameOf(bytes: Uint8Array, isUtf8: boolean): string {
  if (isUtf8 || bytes.every((byte) => byte < 0x80)) return new TextDecoder().decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('latin1').decode(bytes)
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

function crc32(before: number, bytes: Uint8Array): number {
  let crc = ~before
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0)
  return ~crc >>> 0
}
