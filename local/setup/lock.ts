import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs `work` while no other process does so under the same file. The file holds the owner's process id; one whose owner is
 * gone is taken over, so an interrupted set-up blocks nobody.
 *
 * @throws the system's error where the lock cannot be written.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, room = noRoom): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  while (!take(file, room)) await delay(100)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** How a lock is taken on a full disk. */
export interface LockRoom {
  write(file: string, text: string): void
  /** Makes room for a name; `false` where there is none to make. */
  free(): boolean
}

const noRoom: LockRoom = { write: writeFileSync, free: () => false }

function take(file: string, room: LockRoom): boolean {
  const claim = `${file}.${process.pid}`
  // `link` either makes the complete file or fails: no reader ever meets a lock without its owner's id.
  room.write(claim, String(process.pid))
  try {
    for (;;) {
      try {
        linkSync(claim, file)
        return true
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        // Some file systems (tmpfs) count a second name as a file.
        if ((code === 'ENOSPC' || code === 'EDQUOT') && room.free()) continue
        if (code !== 'EEXIST') throw error
        if (!isOwnerAlive(file)) rmSync(file, { force: true })
        return false
      }
    }
  } finally {
    rmSync(claim, { force: true })
  }
}

function isOwnerAlive(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    process.kill(owner, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
