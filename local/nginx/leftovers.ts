import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Processes of an nginx whose master or supervisor was killed. Its workers keep running and hold the port, so that no server could
 * start there again.
 *
 * No other program has the same name and working directory: `nginx`, and this run folder. An nginx whose supervisor lives is left
 * alone: its master is the supervisor's child. On systems other than Linux, which have no `/proc`, nothing is found.
 */

/** A process, as /proc describes it. */
interface NginxProcess {
  readonly pid: number
  readonly parent: number
}

/** Contents of `supervisor.json`, which names the process that created the run folder. */
interface Owner {
  readonly pid: number
  readonly socketDirectory: string
}

const ownerFile = (run: string) => join(run, 'supervisor.json')

/** Records this process as the supervisor of a run folder, for the start after a crash. */
export function writeOwner(run: string, socketDirectory: string): void {
  writeFileSync(ownerFile(run), JSON.stringify({ pid: process.pid, socketDirectory } satisfies Owner))
}

/** Ends the processes that a crash has left in this run folder, and removes their sockets. A running server is left alone. */
export async function endLeftovers(run: string): Promise<void> {
  const owner = readOwner(run)
  const left = processesIn(run)
  const own = new Set(left.map(({ pid }) => pid))
  // Without a record, the parent could be a supervisor whose run folder was deleted.
  const isKept = (parent: number) => (owner === undefined ? parent !== 1 && !own.has(parent) : parent === owner.pid)
  if (left.some(({ parent }) => isKept(parent))) return
  if (owner !== undefined && owner.pid !== process.pid && !isAlive(owner.pid)) removeSockets(owner.socketDirectory)
  await killProcesses(run)
}

/** Ends every nginx process of this run folder, and waits about 5 s for them to end. */
export async function killProcesses(run: string): Promise<void> {
  for (let tried = 0; tried < 500; tried++) {
    const left = processesIn(run)
    if (left.length === 0) return
    for (const { pid } of left) kill(pid)
    await delay(10)
  }
}

function processesIn(run: string): NginxProcess[] {
  const directory = resolve(run)
  return pids().flatMap((pid) => {
    try {
      const workingDirectory = readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '')
      if (workingDirectory !== directory) return []
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const [, name] = /^Name:\t(.*)$/m.exec(status) ?? []
      const [, state] = /^State:\t(\w)/m.exec(status) ?? []
      // A zombie holds no port, and its parent may never reap it.
      if (name !== 'nginx' || state === 'Z') return []
      return [{ pid, parent: Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]) }]
    } catch {
      // The process has ended, or belongs to another user.
      return []
    }
  })
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

function readOwner(run: string): Owner | undefined {
  try {
    const { pid, socketDirectory } = JSON.parse(readFileSync(ownerFile(run), 'utf8')) as Partial<Owner>
    return typeof pid === 'number' && typeof socketDirectory === 'string' ? { pid, socketDirectory } : undefined
  } catch {
    return undefined
  }
}

/** Removes the sockets of a supervisor that was killed. */
function removeSockets(directory: string): void {
  if (dirname(directory) !== resolve(tmpdir()) || !basename(directory).startsWith('edge-signer-')) return
  rmSync(directory, { recursive: true, force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // The process has ended.
  }
}
