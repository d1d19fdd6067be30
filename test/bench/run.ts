/**
 * `npm run bench [-- WORD …]`: every comparison whose name or file holds one of the words (all without words).
 * Each variant runs 5 times (BENCH_RUNS), in turn, the order reversed each round, every time in a fresh process.
 * Ends with one table. Exit status 1 where a ratio misses a bound that has no stated reason.
 */
import { execFile } from 'node:child_process'
import { readdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs, promisify } from 'node:util'
import { type Comparison, median, type Ratio } from './comparison.ts'

const usage = `Usage: npm run bench [-- WORD ...] [--list] [--json FILE]

Compares each part with a peer or with its floor, in one run, and prints the ratios of medians.

  WORD         only comparisons whose name or file holds one of the words
  --list       print the names of the comparisons and stop
  --json FILE  write the rows of the table to a file, too
  -h, --help   print this text

Environment:
  BENCH_RUNS   runs of each variant (5)

Exit status: 0 if every ratio is within its bound or says why it cannot be, else 1.
`

/** One line of the table. */
interface Row {
  readonly comparison: string
  readonly unit: string
  readonly of: Spread
  readonly against: Spread
  readonly ratio: number
  readonly bound: string
  readonly held: boolean
  /** Reason why the bound cannot be met. */
  readonly because?: string
}

interface Spread {
  readonly variant: string
  readonly median: number
  readonly min: number
  readonly max: number
}

const { values: options, positionals: words } = readArguments()
if (options.help) {
  process.stdout.write(usage)
  process.exit(0)
}
const runs = Math.max(1, Number(process.env.BENCH_RUNS ?? 5))
const here = new URL('.', import.meta.url)
const rows: Row[] = []

if (!options.list) {
  console.log(
    `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${runs} runs`,
  )
}
let found = 0
for (const file of (await readdir(here)).filter((name) => name.endsWith('.bench.ts')).sort()) {
  const { comparisons } = (await import(new URL(file, here).href)) as { comparisons: readonly Comparison[] }
  for (const comparison of comparisons) {
    if (words.length > 0 && !words.some((word) => comparison.name.includes(word) || file.includes(word))) continue
    found += 1
    if (options.list) console.log(`${file.replace('.bench.ts', '').padEnd(16)} ${comparison.name}`)
    else await compare(new URL(file, here).href, comparison)
  }
}
if (found === 0) {
  console.error(`No comparison holds ${words.join(' or ')}; --list prints their names.`)
  process.exit(2)
}
if (options.list) process.exit(0)
console.log(`\n${markdown(rows)}`)
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(rows, undefined, 2)}\n`)
const missed = rows.filter(({ held, because }) => !held && because === undefined)
console.log(
  missed.length === 0
    ? '\nEvery ratio is within its bound, or says why it cannot be.'
    : `\nOut of bounds:\n${missed.map(({ comparison, of, ratio, bound }) => `  ${comparison}: ${of.variant} ${ratio.toFixed(2)} (${bound})`).join('\n')}`,
)
process.exit(missed.length === 0 ? 0 : 1)

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        list: { type: 'boolean', default: false },
        json: { type: 'string' },
      },
    })
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

async function compare(file: string, comparison: Comparison): Promise<void> {
  console.log(`\n${comparison.name}`)
  const missing = await comparison.missing?.()
  if (missing !== undefined) return console.log(`  skipped: there is no ${missing}`)
  const prepared = await comparison.prepare?.()
  const figures = new Map<string, number[]>(Object.keys(comparison.variants).map((variant) => [variant, []]))
  try {
    for (let round = 0; round < runs; round++) {
      const order = [...figures.keys()]
      if (round % 2 === 1) order.reverse()
      for (const variant of order) {
        figures.get(variant)?.push(await runOnce(file, comparison.name, variant, prepared?.env ?? {}))
      }
    }
  } finally {
    await prepared?.stop()
  }
  for (const [variant, all] of figures) {
    const range = `${round(Math.min(...all))} – ${round(Math.max(...all))}`
    console.log(`  ${variant.padEnd(34)} ${round(median(all)).padStart(12)} ${comparison.unit}   (${range})`)
  }
  for (const ratio of comparison.ratios) judge(comparison, ratio, figures)
  for (const line of (await comparison.report?.()) ?? []) console.log(`  ${line}`)
}

async function runOnce(
  file: string,
  name: string,
  variant: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const one = new URL('one.ts', here).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [one, file, name, variant], {
    env: { ...process.env, ...env },
  })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as number
}

function judge({ name, unit }: Comparison, ratio: Ratio, figures: ReadonlyMap<string, readonly number[]>): void {
  const spread = (variant: string): Spread => {
    const all = figures.get(variant) ?? []
    return { variant, median: median(all), min: Math.min(...all), max: Math.max(...all) }
  }
  const [of, against] = [spread(ratio.of), spread(ratio.against)]
  const value = of.median / against.median
  const bound = [
    ratio.atLeast === undefined ? '' : `≥ ${ratio.atLeast}`,
    ratio.atMost === undefined ? '' : `≤ ${ratio.atMost}`,
  ].join('')
  const held =
    value >= (ratio.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (ratio.atMost ?? Number.POSITIVE_INFINITY)
  const because = !held && ratio.because !== undefined ? { because: ratio.because } : {}
  rows.push({ comparison: name, unit, of, against, ratio: value, bound, held, ...because })
  console.log(`  ${held ? '✓' : '✗'} ${of.variant} / ${against.variant} = ${value.toFixed(2)}${bound && ` (${bound})`}`)
  if (because.because !== undefined) console.log(`    ${because.because}`)
}

/** The rows as a Markdown table: medians, and their least and greatest run in brackets. */
function markdown(all: readonly Row[]): string {
  const cell = ({ variant, median: middle, min, max }: Spread) =>
    `${variant}: ${round(middle)} (${round(min)} – ${round(max)})`
  return [
    '| comparison | ours | against | unit | ratio | bound |',
    '|---|---|---|---|---:|---|',
    ...all.map(
      ({ comparison, of, against, unit, ratio, bound, held, because }) =>
        `| ${comparison} | ${cell(of)} | ${cell(against)} | ${unit} | ${ratio.toFixed(2)} | ${bound}${held ? '' : ` missed${because === undefined ? '' : `: ${because}`}`} |`,
    ),
  ].join('\n')
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2)
}
