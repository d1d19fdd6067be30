import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs `work` while no other process does so under the same file. The file holds the owner's process id; one whose owner is
 * gone is taken over, so an interrupted set-up blocks nobody.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true })
  while (!take(file)) await delay(100)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function take(file: string): boolean {
  const claim = `${file}.${process.pid}`
  // `link` either makes the complete file or fails: no reader ever meets a lock without its owner's id.
  writeFileSync(claim, String(process.pid))
  try {
    linkSync(claim, file)
    return true
  } catch {
    if (!isOwnerAlive(file)) rmSync(file, { force: true })
    return false
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
