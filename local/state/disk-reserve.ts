import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { ServiceError } from '../../shared/errors.ts'

/**
 * Room on a file system that was set aside, so that what must be written can be written when the disk is full.
 *
 * Revoking needs that: a user who fills the disk, for example by uploads, must not keep their access by it.
 *
 * The room is a folder of spare files whose blocks are allocated already. On a full disk a spare is renamed to the draft of the file and
 * overwritten in place. That allocates no block and no inode. A spare that was deleted to make room could lose it to a running upload
 * before the next write. File systems that copy on write need blocks for an overwrite, too; there the spare is deleted after all.
 */
export interface DiskReserve {
  /**
   * Writes a file. Readers see the old text or the new one, never a part, also after a power cut. Only the owner may read it.
   *
   * @throws ServiceError `ERR_STATE_UNAVAILABLE` where the disk is full and the reserve used up; the system's other errors.
   */
  write(file: string, text: string): void
  /** Deletes a spare, for what needs a name and no bytes; `false` where none is left. */
  free(): boolean
  /** Replaces the spares that are missing, as far as there is room. */
  topUp(): void
}

/** How much is set aside. */
export interface ReserveSize {
  readonly spares: number
  /** Of each spare: the largest text that takes no further block. */
  readonly bytes: number
}

/** Opens the reserve in a folder, which is on the file system of the files to write, and fills it up. */
export function openDiskReserve(folder: string, { spares, bytes }: ReserveSize): DiskReserve {
  const topUp = () => {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      for (let index = 0; index < spares; index++) {
        const spare = join(folder, `${index}.spare`)
        // Random bytes: no file system stores them in less than their size.
        if (!existsSync(spare)) replaceBy(spare, (draft) => writeNew(draft, randomBytes(bytes)))
      }
    } catch {
      // The disk is full, or not to be written: the spares that there are must do.
    }
  }
  topUp()
  return {
    topUp,
    free() {
      const [spare] = sparesIn(folder)
      if (spare === undefined) return false
      rmSync(spare, { force: true })
      return true
    },
    write(file, text) {
      const content = Buffer.from(text)
      try {
        mkdirSync(dirname(file), { recursive: true })
        replaceBy(file, (draft) => writeNew(draft, content))
      } catch (error) {
        if (!isDiskFull(error)) throw error
        writeFromReserve(folder, file, content)
      }
      syncFolder(dirname(file))
    },
  }
}

function writeFromReserve(folder: string, file: string, content: Buffer): void {
  for (const spare of sparesIn(folder)) {
    try {
      replaceBy(file, (draft) => {
        renameSync(spare, draft)
        overwrite(draft, content)
      })
      return
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
    // The draft was deleted, so there is the room of a spare now, for a larger text or for the folder to grow.
    try {
      replaceBy(file, (draft) => writeNew(draft, content))
      return
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
  }
  throw usedUp()
}

/** The disk is full, and nothing that was set aside is left. */
export function usedUp(): ServiceError {
  return new ServiceError(
    'ERR_STATE_UNAVAILABLE',
    'the disk is full, and the room set aside is used up: free some space',
  )
}

function sparesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.spare'))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

/** Puts a draft in a file's place. A draft that was not finished is deleted: on a full disk it would be in the way. */
function replaceBy(file: string, write: (draft: string) => void): void {
  const draft = `${file}.${process.pid}.draft`
  try {
    write(draft)
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

function writeNew(file: string, content: Buffer): void {
  writeAll(openSync(file, 'w', 0o600), content)
}

function overwrite(file: string, content: Buffer): void {
  writeAll(openSync(file, 'r+'), content)
}

/** fsync before the rename: after a power cut the name must not exist without its bytes. */
function writeAll(descriptor: number, content: Buffer): void {
  try {
    for (let written = 0; written < content.length; ) {
      written += writeSync(descriptor, content, written, content.length - written, written)
    }
    ftruncateSync(descriptor, content.length)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** No room on the disk, or none left of the user's quota. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')
}
