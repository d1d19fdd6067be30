import { Random } from '../random.ts'
import { crowdScenarios } from './crowd-scenarios.ts'
import { runFiles } from './files.ts'
import { rareScenarios } from './rare-scenarios.ts'
import { finale, type Scenario, scenarios } from './scenarios.ts'
import { type Mishap, mishaps } from './simulation.ts'
import { Stage } from './stage.ts'

/** Options of the lifecycle runs. */
export interface LifecycleOptions {
  readonly runs: number
  readonly seed: string
  /** Only this run, with its story. */
  readonly only?: number
  /** Only plots whose name holds this text. */
  readonly plot?: string
  readonly log: (line: string) => void
}

/** One run that broke an invariant. */
export interface Failure {
  readonly run: number
  readonly plot: string
  readonly error: Error
  readonly story: readonly string[]
}

/** The result of all runs. */
export interface Summary {
  readonly runs: number
  readonly calls: number
  readonly mishaps: number
  readonly failures: readonly Failure[]
}

const maxFailures = 5

const stagePlots: Readonly<Record<string, Scenario>> = { ...scenarios, ...rareScenarios, ...crowdScenarios }

/** Plots of files, which take no stage: as many as keep their share of the runs. */
const filePlots = ['files: 1', 'files: 2', 'files: 3', 'files: 4']

/** The names of all plots. */
export const plots: readonly string[] = [...Object.keys(stagePlots), ...filePlots]

/**
 * Lives of a stage, each with its own plot, interleaving and mishaps, all from the seed. Of four runs of a plot two take one
 * mishap, at call after call; one takes up to four, anywhere; one takes an outage.
 */
export async function runLifecycle(options: LifecycleOptions): Promise<Summary> {
  const { runs, seed, only, plot = '', log } = options
  const names = plots.filter((name) => name.includes(plot))
  const failures: Failure[] = []
  const sum = { calls: 0, mishaps: 0 }
  let done = 0
  for (let run = only ?? 0; run < (only === undefined ? runs : only + 1); run++) {
    const name = names[run % names.length] ?? ''
    const round = Math.floor(run / names.length)
    const result = await runOnce(name, `${seed}/${name}/${round}`, round)
    done += 1
    sum.calls += result.calls
    sum.mishaps += result.mishaps
    if (only !== undefined) for (const line of result.story) log(line)
    if (result.error === undefined) continue
    failures.push({ run, plot: name, error: result.error, story: result.story })
    log(`run ${run} of seed ${seed} (${name}): ${result.error.message}`)
    if (failures.length === maxFailures) break
  }
  return { runs: done, ...sum, failures }
}

/** The summary in words, with the story of the first failure and how to see it again. */
export function describeLifecycle({ runs, calls, mishaps, failures }: Summary, seed: string): string {
  const lines = [
    `lifecycle: ${runs} runs, ${calls} calls, ${mishaps} mishaps, ${failures.length} failures (seed ${seed})`,
  ]
  const [first] = failures
  if (first !== undefined) {
    lines.push(`The story of run ${first.run}, "${first.plot}":`, ...first.story.map((line) => `  ${line}`))
    lines.push(first.error.stack ?? first.error.message)
    lines.push(`See it again: npm run torture -- lifecycle --seed ${seed} --run ${first.run}`)
  }
  return lines.join('\n')
}

async function runOnce(name: string, seed: string, round: number) {
  if (filePlots.includes(name)) {
    const planned = planMishaps(new Random(`${seed}/mishaps`), round)
    return runFiles(seed, planned)
  }
  const stage = new Stage(seed)
  const { simulation } = stage
  stage.isOutage = isOutage(round)
  const planned = planMishaps(new Random(`${seed}/mishaps`), round)
  const plan = () => stage.plan(planned)
  let error: Error | undefined
  try {
    await simulation.run(async () => {
      await stagePlots[name]?.(stage, plan)
      await finale(stage)
    })
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  }
  return { error, calls: simulation.calls, mishaps: simulation.mishaps, story: simulation.story }
}

/** Every fourth round: AWS fails again and again, for a while. */
function isOutage(round: number): boolean {
  return round % 4 === 3
}

/** In turn one mishap at call 1, 2, 3, …, and several anywhere, or an outage. */
function planMishaps(random: Random, round: number): ReadonlyMap<number, Mishap> {
  const at = Math.floor(round / 2)
  const call = 1 + Math.floor(at / mishaps.length)
  if (round % 2 === 0 && call <= 120) return new Map([[call, mishaps[at % mishaps.length] ?? 'throttled']])
  if (isOutage(round)) {
    const from = 1 + random.int(150)
    const mishap = random.pick(mishaps)
    const calls = Array.from({ length: 1 + random.int(25) }, (_, at) => from + at).filter(() => random.chance(0.8))
    return new Map(calls.map((call) => [call, mishap]))
  }
  const count = random.int(5)
  return new Map(Array.from({ length: count }, () => [1 + random.int(160), random.pick(mishaps)]))
}
