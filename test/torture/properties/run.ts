import fc from 'fast-check'
import { measure, parsers, sizes } from './linear.ts'
import { rules } from './rules.ts'

/** How the rules are tried. */
export interface PropertyOptions {
  /** Inputs for each rule. */
  readonly runs: number
  readonly seed: number
  /** Only those whose name holds this. */
  readonly only?: string
  readonly log: (line: string) => void
}

export function propertyNames(): readonly string[] {
  return [...rules.map(({ name }) => name), ...Object.keys(parsers).map(linearName)]
}

/** Tries every rule and measures every parser; whether all hold. */
export async function runProperties({ runs, seed, only = '', log }: PropertyOptions): Promise<boolean> {
  let failed = 0
  for (const { name, property } of rules.filter(({ name }) => name.includes(only))) {
    const details = await fc.check(property() as fc.IAsyncProperty<unknown>, { numRuns: runs, seed })
    log(`  ${details.failed ? '✗' : '✓'} ${name} (${details.numRuns} inputs)`)
    if (!details.failed) continue
    failed += 1
    log(`      ${JSON.stringify(details.counterexample)} ${details.errorInstance ?? ''}`)
    log(`      replay    npm run torture -- properties --seed ${seed} --runs ${runs} --only "${name}"`)
  }
  const chosen = Object.keys(parsers).filter((parser) => linearName(parser).includes(only))
  if (chosen.length > 0) log(`  milliseconds at ${sizes.map((size) => `${size / 1024}`).join(' / ')} KB, worst shape`)
  for (const parser of chosen) {
    const { isLinear, times, ratio, shape } = measure(parser, runs >= 500 ? 15 : 3)
    const curve = times.map((time) => time.toFixed(3)).join(' / ')
    log(`  ${isLinear ? '✓' : '✗'} ${linearName(parser)}: ${curve}, ratio ${ratio.toFixed(0)}, ${shape}`)
    if (!isLinear) failed += 1
  }
  return failed === 0
}

function linearName(parser: string): string {
  return `${parser}: linear to 64 KB`
}
