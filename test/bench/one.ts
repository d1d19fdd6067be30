/** One figure of one variant, in this process: `node test/bench/one.ts <file> <comparison> <variant>`. */
import type { Comparison } from './comparison.ts'

const [file = '', name = '', variant = ''] = process.argv.slice(2)
const { comparisons } = (await import(file)) as { comparisons: readonly Comparison[] }
const work = comparisons.find((comparison) => comparison.name === name)?.variants[variant]
if (work === undefined) throw new Error(`no variant ${variant} in ${name}`)
console.log(JSON.stringify(await work()))
process.exit(0)
