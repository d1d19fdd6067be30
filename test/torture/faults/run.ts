import { diskFaults } from './disks.ts'
import type { Fault } from './fault.ts'
import { closeKills, killFaults } from './kills.ts'
import { clockFaults, storeFaults } from './stores.ts'

const faults: readonly Fault[] = [...killFaults, ...diskFaults, ...storeFaults, ...clockFaults]

export interface FaultOptions {
  /** Only those whose name holds this. */
  readonly only?: string
  readonly log: (line: string) => void
}

export function faultNames(): readonly string[] {
  return faults.map(({ name }) => name)
}

/** Tries each fault and says whether its promise was kept; what cannot be tried here is named. */
export async function runFaults({ only = '', log }: FaultOptions): Promise<boolean> {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  let isKept = true
  try {
    for (const { name, outcome, missing, run } of faults.filter(({ name }) => name.includes(only))) {
      const why = missing?.()
      if (why !== undefined) {
        log(`  - ${name}: skipped, ${why}`)
        continue
      }
      const before = performance.now()
      try {
        await run()
        log(`  ✓ ${name}: ${outcome} (${((performance.now() - before) / 1000).toFixed(1)} s)`)
      } catch (error) {
        isKept = false
        log(`  ✗ ${name}: ${error instanceof Error ? error.message : error}`)
      }
    }
  } finally {
    await closeKills()
  }
  return isKept
}
