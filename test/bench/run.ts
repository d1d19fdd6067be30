/**
 * `npm run bench [-- WORD …]`: every comparison whose name or file holds one of the words (all without words).
 * Each variant runs 5 times (BENCH_RUNS), in turn, the order reversed each round, every time in a fresh process.
 * Exit 1 where a ratio misses its bound.
 */
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { promisify } from 'node:util'
import { type Comparison, median, type Ratio } from './comparison.ts'

const runs = Math.max(1, Number(process.env.BENCH_RUNS ?? 5))
const words = process.argv.slice(2)
const here = new URL('.', import.meta.url)
const missed: string[] = []

console.log(
  `Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${runs} runs`,
)
for (const file of (await readdir(here)).filter((name) => name.endsWith('.bench.ts')).sort()) {
  const { comparisons } = (await import(new URL(file, here).href)) as { comparisons: readonly Comparison[] }
  for (const comparison of comparisons) {
    if (words.length > 0 && !words.some((word) => comparison.name.includes(word) || file.includes(word))) continue
    await compare(new URL(file, here).href, comparison)
  }
}
console.log(missed.length === 0 ? '\nEvery ratio is within its bound.' : `\nOut of bounds:\n  ${missed.join('\n  ')}`)
process.exit(missed.length === 0 ? 0 : 1)

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
  for (const ratio of comparison.ratios) judge(comparison.name, ratio, figures)
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

function judge(name: string, ratio: Ratio, figures: ReadonlyMap<string, readonly number[]>): void {
  const value = median(figures.get(ratio.of) ?? []) / median(figures.get(ratio.against) ?? [])
  const bound = [
    ratio.atLeast === undefined ? '' : `≥ ${ratio.atLeast}`,
    ratio.atMost === undefined ? '' : `≤ ${ratio.atMost}`,
  ].join('')
  const held =
    value >= (ratio.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (ratio.atMost ?? Number.POSITIVE_INFINITY)
  const line = `${ratio.of} / ${ratio.against} = ${value.toFixed(2)}${bound === '' ? '' : ` (${bound})`}`
  console.log(`  ${held ? '✓' : '✗'} ${line}`)
  if (!held) missed.push(`${name}: ${line}`)
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2)
}
