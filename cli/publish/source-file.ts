import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { sectorBytes } from '../../shared/chunked/manifest.ts'
import { EdgeSignerError } from '../../shared/errors.ts'
import { UsageError } from '../usage-error.ts'

/** A file that is read in chunks, and must stay as it is meanwhile. */
export interface SourceFile {
  /** Bytes, with the padding. */
  readonly totalSize: number
  /** Reads the bytes from a position on into a buffer; padding is zeros. @throws EdgeSignerError `ERR_FILE_CHANGED` */
  readInto(buffer: Uint8Array, position: number): Promise<void>
  /** @throws EdgeSignerError `ERR_FILE_CHANGED` if the file was written to or replaced since it was opened. */
  requireUnchanged(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a file.
 *
 * @param isPadded fills the last sector with zeros.
 * @throws UsageError if it cannot be read, is empty, or ends within a sector and is not padded.
 */
export async function openSourceFile(path: string, isPadded: boolean): Promise<SourceFile> {
  const handle = await open(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`the file cannot be read (${error.code ?? 'error'})`)
  })
  try {
    const opened = await handle.stat({ bigint: true })
    if (!opened.isFile()) throw new UsageError('the file must be a regular file: a pipe cannot be read twice')
    const size = Number(opened.size)
    if (size === 0) throw new UsageError('the file is empty: a chunked file has one sector of 512 bytes at least')
    if (size % sectorBytes !== 0 && !isPadded)
      throw new UsageError(`the file has ${size} bytes, no multiple of 512: --pad fills its last sector with zeros`)
    const totalSize = Math.ceil(size / sectorBytes) * sectorBytes
    return {
      totalSize,
      readInto: (buffer, position) => readInto(handle, buffer, position, size),
      async requireUnchanged() {
        const now = [await handle.stat({ bigint: true }), await stat(path, { bigint: true }).catch(() => undefined)]
        if (!now.every((stats) => stats !== undefined && isSame(stats, opened))) throw changed()
      },
      close: () => handle.close(),
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** The error of a file that changed while it was read. */
export function changed(): EdgeSignerError {
  return new EdgeSignerError(
    'ERR_FILE_CHANGED',
    'the file was written to while it was read: nothing refers to what was uploaded. Publish it again',
  )
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}

async function readInto(handle: FileHandle, buffer: Uint8Array, position: number, size: number): Promise<void> {
  const wanted = Math.min(buffer.length, size - position)
  for (let filled = 0; filled < wanted; ) {
    const { bytesRead } = await handle.read(buffer, filled, wanted - filled, position + filled)
    if (bytesRead === 0) throw changed()
    filled += bytesRead
  }
  buffer.fill(0, wanted)
}
