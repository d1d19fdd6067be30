import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A control group with a share of one CPU. Writing a process id to `members` moves that process into it. */
export interface CpuShare {
  readonly members: string
  /** The file that takes a process out of it again. */
  readonly outside: string
  remove(): void
}

const root = '/sys/fs/cgroup'

/**
 * Opens a control group in which processes together have `quota` of each `period` microseconds of CPU: version 1 or 2 of
 * Linux's cgroups, whichever this machine has.
 *
 * @returns `undefined` where neither may be written to.
 */
export function openCpuShare(quota: number, period: number): CpuShare | undefined {
  const name = `edge-signer-bench-${process.pid}`
  const first = join(root, 'cpu')
  const isFirst = existsSync(join(first, 'cpu.cfs_quota_us'))
  const parent = isFirst ? first : root
  try {
    accessSync(parent, constants.W_OK)
    const group = join(parent, name)
    mkdirSync(group)
    if (isFirst) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(period))
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota))
    } else {
      writeFileSync(join(group, 'cpu.max'), `${quota} ${period}`)
    }
    const procs = 'cgroup.procs'
    return { members: join(group, procs), outside: join(parent, procs), remove: () => rmdirSync(group) }
  } catch {
    return undefined
  }
}
