import { join } from 'node:path'
import { localDirectory } from '../../local/paths.ts'
import { findProgram, isExecutable } from '../../local/setup/command.ts'
import { unpackDebianPackages } from '../../local/setup/debian-packages.ts'
import { withLock } from '../../local/setup/lock.ts'

/** The HTTP load generator of the benchmarks. */
export interface Wrk {
  readonly program: string
  /** The environment that it needs to find its library. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * Finds wrk on PATH, or unpacks Debian's package into the tool folder. Only the benchmarks of the edge use it.
 *
 * @throws LocalError where it can be had in neither way.
 */
export async function setUpWrk(log: (line: string) => void): Promise<Wrk> {
  const system = findProgram('wrk')
  if (system !== undefined) return { program: system, env: process.env }
  const root = join(localDirectory, 'tools', 'wrk')
  const program = join(root, 'usr/bin/wrk')
  if (!isExecutable(program)) {
    await withLock(join(localDirectory, 'tools.lock'), async () => {
      if (!isExecutable(program))
        await unpackDebianPackages(['wrk', 'libluajit-5.1-2', 'libluajit-5.1-common'], { root, log })
    })
  }
  const multiarch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
  return { program, env: { ...process.env, LD_LIBRARY_PATH: join(root, 'usr/lib', multiarch) } }
}
