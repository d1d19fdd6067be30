/**
 * Disk images and archives, read by ranges: a listing fetches the directories and none of the files. An image is hostile input.
 * Every number in it is compared with the image's size before it is used, every loop has a bound, and what cannot be read is an
 * `ImageError` with a reason.
 */

/** Reads bytes of an image. A reader may give fewer at the end of the image. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>

/** Bounds of one image. */
export const limits = {
  entries: 100_000,
  depth: 64,
  /** UTF-16 units of a path. */
  path: 4096,
  /** Bytes of one directory. */
  directory: 16 * 1024 ** 2,
  /** Bytes of all directories of a listing. */
  listing: 64 * 1024 ** 2,
  /** Bytes of one piece of an extracted file. */
  piece: 1024 ** 2,
} as const

/** Why an image cannot be read. */
export type ImageReason =
  | 'unknown-format'
  | 'truncated'
  | 'damaged'
  | 'loop'
  | 'too-large'
  | 'encrypted'
  | 'unsupported'

/** An image that cannot be read. The message holds no name of the image. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly code = 'ERR_IMAGE'
  readonly reason: ImageReason

  constructor(reason: ImageReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** A file or folder of an image. */
export interface ImageEntry {
  /** Segments joined by `/`; none is empty, `.` or `..`. */
  readonly path: string
  readonly isFolder: boolean
  /** Bytes; 0 for a folder. */
  readonly size: number
  /** Pieces of the file, in order. Throws ImageError as soon as they are not what the image declares. */
  extract(): AsyncIterable<Uint8Array>
}

/** A listing. */
export interface ImageListing {
  readonly format: string
  readonly entries: readonly ImageEntry[]
  /** Number of entries left out because their names are no path below the image, such as `..`. */
  readonly skipped: number
}

/** An image with its size, whose reads are checked. */
export interface BoundedImage {
  readonly size: number
  /** Exactly so many bytes. @throws ImageError `truncated` */
  read(offset: number, length: number): Promise<DataView>
  /** Bytes of a directory, which count against the listing's bound. @throws ImageError `too-large` */
  readDirectory(offset: number, length: number): Promise<DataView>
}

/** Bounds the reads of one listing. */
export function boundImage(readAt: ReadAt, size: number): BoundedImage {
  let listed = 0
  const read = async (offset: number, length: number) => {
    if (!Number.isSafeInteger(offset) || offset < 0 || length < 0 || offset + length > size)
      throw new ImageError('truncated', 'the image refers to bytes beyond its end')
    const bytes = length === 0 ? new Uint8Array() : await readAt(offset, length)
    if (bytes.length !== length) throw new ImageError('truncated', 'the image ends early')
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
  return {
    size,
    read,
    async readDirectory(offset, length) {
      listed += length
      if (length > limits.directory || listed > limits.listing)
        throw new ImageError('too-large', 'the directories of the image are too large')
      return read(offset, length)
    },
  }
}

/** The entries of a listing so far. */
export interface EntryList {
  readonly entries: ImageEntry[]
  skipped: number
  /** Adds an entry below a folder; returns its path, or `undefined` if the name is left out. @throws ImageError `too-large` */
  add(folder: string, name: string, entry: Omit<ImageEntry, 'path'>): string | undefined
}

/** Starts a listing. */
export function listEntries(): EntryList {
  const list: EntryList = {
    entries: [],
    skipped: 0,
    add(folder, name, entry) {
      if (list.entries.length + list.skipped >= limits.entries)
        throw new ImageError('too-large', `the image has more than ${limits.entries} entries`)
      const path = folder === '' ? name : `${folder}/${name}`
      if (!isPath(name) || path.length > limits.path || path.split('/').length > limits.depth) {
        list.skipped++
        return undefined
      }
      list.entries.push({ path, ...entry })
      return path
    },
  }
  return list
}

/** Pieces of one run of bytes. */
export async function* piecesOf(image: BoundedImage, offset: number, length: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < length; at += limits.piece) {
    const view = await image.read(offset + at, Math.min(limits.piece, length - at))
    yield bytesOf(view)
  }
}

/** Bytes of a view. */
export function bytesOf(view: DataView, start = 0, end = view.byteLength): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start)
}

/** A name of an archive may hold `/`; every segment must lead downwards. */
function isPath(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return name.split('/').every((segment) => /^(?!\.{1,2}$)[^\u0000-\u001f\u007f\\]+$/.test(segment))
}
