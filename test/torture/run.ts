/**
 * `npm run torture`: attacks a running system and breaks it on purpose. Each part is a function with a size, so that
 * `npm run test:all` runs the same parts small. See docs/torture.md.
 */
import { cpus } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { describeSummary, runDifferential } from './differential/run.ts'
import { type Mode, modes } from './differential/stage.ts'
import { faultNames, runFaults } from './faults/run.ts'
import { describeLifecycle, runLifecycle } from './lifecycle/run.ts'
import { runLoad } from './load/run.ts'
import { propertyNames, runProperties } from './properties/run.ts'

const log = (line: string) => console.log(line)
let isClean = true

const program = new Command('npm run torture --')
  .description('Attacks the running system, compares it with an independent verifier, and breaks its parts.')
  .addHelpText(
    'after',
    `
Examples:
  npm run torture -- all                                             every part, small
  npm run torture -- differential --cases 100000 --seed 1            all modes
  npm run torture -- differential --mode gate --seed 1 --case 4711   one case again, with all that is known of it
  npm run torture -- properties --runs 10000
  npm run torture -- load --seconds 60
  npm run torture -- lifecycle --runs 10000

The exit status is 1 where anything is not as it should be.`,
  )

program
  .command('differential')
  .description('mutated cookies, signed URLs and download links, judged by the product and by an independent verifier')
  .addOption(new Option('--mode <mode>', 'only one mode').choices(modes))
  .option('--cases <number>', 'cases for each mode', readCount, 2000)
  .option('--seed <text>', 'what the cases are made from', '1')
  .option('--case <number>', 'only this case, with everything that is known of it', readCount)
  .option('--connections <number>', 'requests under way at once', readCount, 24)
  .action((flags: DifferentialFlags) => differential(flags))

program
  .command('properties')
  .description('rules that hold for every input, and parsers whose time is linear')
  .option('--runs <number>', 'inputs for each rule', readCount, 500)
  .option('--seed <number>', 'what the inputs are made from', readCount, 1)
  .option('--only <text>', 'only rules whose name holds this')
  .addHelpText('after', () => `\nRules:\n  ${propertyNames().join('\n  ')}`)
  .action(async (flags: { runs: number; seed: number; only?: string }) => {
    judge(await runProperties({ ...flags, log }))
  })

program
  .command('faults')
  .description('killed processes, full disks, lost secret stores: a stated outcome each')
  .option('--only <text>', 'only faults whose name holds this')
  .addHelpText('after', () => `\nFaults:\n  ${faultNames().join('\n  ')}`)
  .action(async (flags: { only?: string }) => judge(await runFaults({ ...flags, log })))

program
  .command('load')
  .description('mixed reads, mints, uploads and revocations on many connections')
  .option('--seconds <number>', 'duration', readCount, 60)
  .option('--connections <number>', 'connections', readCount, 64)
  .option('--seed <text>', 'what the order of requests is made from', '1')
  .action(async (flags: { seconds: number; connections: number; seed: string }) =>
    judge(await runLoad({ ...flags, log })),
  )

program
  .command('lifecycle')
  .description('deploys, rotations, revocations and removals, with crashes and races at every call to an AWS in memory')
  .option('--runs <number>', 'runs, each with a plot and mishaps of its own', readCount, 500)
  .option('--seed <text>', 'what the runs are made from', '1')
  .option('--run <number>', 'only this run, with its story', readCount)
  .option('--plot <name>', 'only runs of this plot')
  .action((flags: LifecycleFlags) => lifecycle(flags))

program
  .command('all')
  .description('every part, small')
  .action(async () => {
    await differential({ cases: 2000, seed: '1', connections: 24 })
    judge(await runProperties({ runs: 300, seed: 1, log }))
    judge(await runFaults({ log }))
    judge(await runLoad({ seconds: 10, connections: 64, seed: '1', log }))
    await lifecycle({ runs: 100, seed: '1' })
  })

interface DifferentialFlags {
  readonly mode?: Mode
  readonly cases: number
  readonly seed: string
  readonly case?: number
  readonly connections: number
}

async function differential({ mode, cases, seed, case: only, connections }: DifferentialFlags): Promise<void> {
  for (const one of mode === undefined ? modes : [mode]) {
    const options = { mode: one, cases, seed, concurrency: connections, log, ...(only === undefined ? {} : { only }) }
    const summary = await runDifferential(options)
    if (only === undefined) log(describeSummary(summary, seed))
    judge(summary.mismatches.length === 0)
  }
}

interface LifecycleFlags {
  readonly runs: number
  readonly seed: string
  readonly run?: number
  readonly plot?: string
}

async function lifecycle({ run, ...options }: LifecycleFlags): Promise<void> {
  const summary = await runLifecycle({ ...options, ...(run === undefined ? {} : { only: run }), log })
  log(describeLifecycle(summary, options.seed))
  judge(summary.failures.length === 0)
}

function judge(held: boolean): void {
  isClean &&= held
}

function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number')
  return Number(text)
}

console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`)
await program.parseAsync()
console.log(isClean ? 'Clean.' : 'NOT clean: see above.')
process.exit(isClean ? 0 : 1)
