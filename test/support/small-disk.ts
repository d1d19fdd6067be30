import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPart, type Part } from './part.ts'

/** File systems that are small enough to be filled. The disk of the machine is not touched. */
export type DiskKind = 'tmpfs' | 'ext4'

/** A mounted file system. */
export interface SmallDisk {
  readonly path: string
  /** Takes every block, then every inode, as uploads would that go on and on. */
  fill(): void
  /** Deletes what `fill` wrote. */
  clear(): void
  unmount(): void
}

/** Mounts one of `mebibytes`, with 400 files at most where `fewInodes` says so. */
export function mountSmallDisk(kind: DiskKind, mebibytes: number, fewInodes = false): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), `edge-signer-${kind}-`))
  const path = join(directory, 'disk')
  mkdirSync(path)
  if (kind === 'tmpfs') {
    run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m${fewInodes ? ',nr_inodes=400' : ''}`, 'tmpfs', path)
  } else {
    const image = join(directory, 'image')
    run('truncate', '-s', `${mebibytes}M`, image)
    // -m 0: no blocks that only root may use, which the tests are.
    run('mkfs.ext4', '-q', '-m', '0', ...(fewInodes ? ['-N', '400'] : []), image)
    run('mount', '-o', 'loop', image, path)
  }
  const fillers: string[] = []
  const newFiller = () => {
    const file = join(path, `filler-${fillers.length}`)
    fillers.push(file)
    return openSync(file, 'w')
  }
  return {
    path,
    fill() {
      for (const bytes of [65_536, 4096, 1]) {
        untilFull(() => {
          const file = newFiller()
          try {
            for (;;) writeSync(file, Buffer.alloc(bytes, 1))
          } finally {
            closeSync(file)
          }
        })
      }
      while (!untilFull(() => closeSync(newFiller()))) {}
    },
    clear() {
      for (const file of fillers.splice(0)) rmSync(file, { force: true })
    },
    unmount() {
      run('umount', path)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The right to mount: root has it, outside of most containers. */
export function findSmallDisks(kind: DiskKind): Promise<Part<true>> {
  return findPart(`the right to mount ${kind}`, () => {
    mountSmallDisk(kind, 2).unmount()
    return true
  })
}

function untilFull(work: () => void): boolean {
  try {
    work()
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return true
    throw error
  }
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
