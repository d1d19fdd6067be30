/**
 * Locks between processes: a folder, which only one process can make. Its owner renews its time; one that nobody has renewed for ten
 * seconds was left by a process that ended, and is taken down.
 */
import { utimes } from 'node:fs'
import { mkdir, rmdir, stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { errorName, unlessMissing } from './faults.ts'

/** How long a lock is good without renewal, in milliseconds. */
const staleMs = 10_000
/** Pauses between two tries, in milliseconds: doubled from the first to the last. */
const pauses = { first: 2, last: 100 }

/** Runs work while this process alone holds a lock. Waits as long as another one holds it. */
export async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (let pause = pauses.first; !(await make(lock)); pause = Math.min(2 * pause, pauses.last)) {
    if (await isStale(lock)) await takeDown(lock)
    else await setTimeout(pause)
  }
  const renewal = setInterval(() => utimes(lock, new Date(), new Date(), () => {}), staleMs / 4).unref()
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    // One that cannot be removed becomes stale.
    await rmdir(lock).catch(() => {})
  }
}

/** Returns false where the folder is there. */
async function make(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    if (errorName(error) === 'EEXIST') return false
    throw error
  }
}

async function isStale(lock: string): Promise<boolean> {
  const facts = await unlessMissing(stat(lock))
  return facts !== undefined && facts.mtimeMs < Date.now() - staleMs
}

/** One process after the other looks again and removes: the second would remove the new lock of the first. */
async function takeDown(lock: string): Promise<void> {
  const turn = `${lock}.stale`
  if (!(await make(turn))) {
    if (await isStale(turn)) await unlessMissing(rmdir(turn))
    return
  }
  try {
    if (await isStale(lock)) await unlessMissing(rmdir(lock))
  } finally {
    await rmdir(turn)
  }
}
