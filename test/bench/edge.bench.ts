/**
 * Ranges of 64 KiB and 8 MiB through the emulation's edge, against nginx's own `secure_link` in front of the same bucket tier. What CloudFront
 * does at no cost to anybody, the emulation does in njs: so this says how far local figures can be trusted.
 */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runDirectory } from '../../local/paths.ts'
import { runCommand } from '../../local/setup/command.ts'
import { setUpTools } from '../../local/setup/tools.ts'
import { type RunningStage, startStage } from '../../server/start.ts'
import { setUpWrk } from '../support/wrk.ts'
import { type Comparison, median } from './comparison.ts'
import { startReference } from './secure-link-server.ts'

const size = 256 * 2 ** 20
const seconds = Number(process.env.BENCH_SECONDS ?? 4)

const twoTiers = 'two tiers, nothing checked'
const secureLink = 'two tiers, secure_link'
const functions = 'emulation, public: two functions'
const signed = 'emulation, signed cookies'

/** The requests of a variant. */
interface Load {
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const figuresFile = join(tmpdir(), `edge-signer-bench-${process.pid}.latency`)

/** Bytes of each read, and the minimum ratio of signed cookies to `secure_link`. */
const goals = [
  { name: '64 KiB ranges through the edge', part: 64 * 2 ** 10, atLeast: 0.3 },
  { name: '8 MiB ranges through the edge', part: 8 * 2 ** 20, atLeast: 0.9 },
]

export const comparisons: readonly Comparison[] = goals.map(({ name, part, atLeast }): Comparison => {
  return {
    name,
    unit: 'requests/s',
    prepare: async () => {
      const directory = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
      const content = join(directory, 'content')
      for (const file of ['users/alice/disk.img', 'public/disk.img']) makeFile(join(content, file))
      const wrk = await setUpWrk(console.log)
      const { nginx } = await setUpTools({ log: console.log })
      const emulation = await startStage({ port: 0, content, stateDirectory: join(directory, 'state') })
      const reference = await startReference(nginx, join(directory, 'nginx'), bucketSocket(emulation))
      writeFileSync(figuresFile, '')
      const loads: Record<string, Load> = {
        [twoTiers]: { url: reference.url, path: '/plain/users/alice/disk.img', headers: {} },
        [secureLink]: { url: reference.url, path: reference.link('/linked/users/alice/disk.img'), headers: {} },
        [functions]: at(emulation, '/public/disk.img', {}),
        [signed]: at(emulation, '/users/alice/disk.img', { Cookie: await signIn(emulation) }),
      }
      return {
        env: { BENCH_LOADS: JSON.stringify(loads), BENCH_WRK: JSON.stringify(wrk), BENCH_LATENCY: figuresFile },
        stop: async () => {
          await reference.stop()
          await emulation.stop()
          rmSync(directory, { recursive: true })
        },
      }
    },
    variants: Object.fromEntries(
      [twoTiers, secureLink, functions, signed].map((variant) => [variant, () => load(variant, part)]),
    ),
    ratios: [
      { of: signed, against: secureLink, atLeast },
      { of: functions, against: secureLink },
      { of: secureLink, against: twoTiers },
    ],
    report: async () => {
      const lines = readFileSync(figuresFile, 'utf8').trim().split('\n')
      rmSync(figuresFile)
      return [twoTiers, secureLink, functions, signed].map((name) => {
        const all = lines.map((line) => JSON.parse(line) as Latency).filter((latency) => latency.name === name)
        const ms = (key: 'p50' | 'p99') => (median(all.map((latency) => latency[key])) / 1000).toFixed(2)
        return `${name.padEnd(34)} p50 ${ms('p50')} ms, p99 ${ms('p99')} ms`
      })
    },
  }
})

/** In microseconds, over the run of one variant. */
interface Latency {
  readonly name: string
  readonly p50: number
  readonly p99: number
}

/** Requests per second of 16 connections that read ranges at random places, after half a second to warm up. */
async function load(name: string, part: number): Promise<number> {
  const loads = JSON.parse(process.env.BENCH_LOADS ?? '{}') as Record<string, Load>
  const { program, env } = JSON.parse(process.env.BENCH_WRK ?? '{}') as { program: string; env: NodeJS.ProcessEnv }
  const { url, path, headers } = loads[name] as Load
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
  try {
    const script = join(directory, 'ranges.lua')
    writeFileSync(script, rangesScript(path, headers, part))
    const run = (duration: string) => runCommand(program, ['-t1', '-c16', `-d${duration}`, '-s', script, url], { env })
    await run('1s')
    const { stdout } = await run(`${seconds}s`)
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<'rate' | 'p50' | 'p99' | 'bad', number>
    if (result.bad > 0) throw new Error(`${name}: ${result.bad} answers were not 206 with the whole part`)
    const latency: Latency = { name, p50: result.p50, p99: result.p99 }
    appendFileSync(process.env.BENCH_LATENCY ?? '', `${JSON.stringify(latency)}\n`)
    return result.rate
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** wrk's script: a new place in the file for each request, every answer looked at, one line of JSON at the end. */
function rangesScript(path: string, headers: Readonly<Record<string, string>>, part: number): string {
  const table = Object.entries(headers).map(([name, value]) => `[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
  return `
local headers = { ${table.join(', ')} }
math.randomseed(os.time())
function request()
  local start = math.random(0, ${size / part - 1}) * ${part}
  headers['Range'] = 'bytes=' .. start .. '-' .. (start + ${part - 1})
  return wrk.format('GET', ${JSON.stringify(path)}, headers)
end
function done(summary, latency, requests)
  local e = summary.errors
  local short = summary.bytes < summary.requests * ${part} and 1 or 0
  io.write(string.format('{"rate":%f,"p50":%f,"p99":%f,"bad":%d}\\n', summary.requests * 1e6 / summary.duration,
    latency:percentile(50), latency:percentile(99), e.status + e.read + e.write + e.connect + e.timeout + short))
end
`
}

function at({ url, port }: RunningStage, path: string, headers: Readonly<Record<string, string>>): Load {
  // The policy is for the name; the address spares wrk the look-up and the other protocol.
  return { url: `http://127.0.0.1:${port}`, path, headers: { ...headers, Host: new URL(url).host } }
}

/** Alice's cookies for her prefix, as a browser sends them: without those for other paths. */
async function signIn({ url }: RunningStage): Promise<string> {
  const login = await fetch(`${url}/dev/login?sub=alice`, { redirect: 'manual' })
  const session = login.headers.getSetCookie().map(pairOf)
  const minted = await fetch(`${url}/_edge/session`, { headers: { cookie: session.join('; ') } })
  const lines = minted.headers.getSetCookie().filter((line) => /; *path=\/users\/alice\//i.test(line))
  if (lines.length === 0) throw new Error(`/_edge/session answered ${minted.status} without cookies`)
  return [...lines.map(pairOf), ...session].join('; ')
}

function pairOf(setCookie: string): string {
  return setCookie.split(';')[0] ?? ''
}

/** The socket of the emulation's bucket tier, from its nginx configuration. */
function bucketSocket({ port }: RunningStage): string {
  const config = readFileSync(join(runDirectory(port), 'nginx.conf'), 'utf8')
  const socket = /upstream bucket \{\s*server unix:(\S+) /.exec(config)?.[1]
  if (socket === undefined) throw new Error('the emulation has no bucket tier')
  return socket
}

/** Zeros that take no space on the disk; what is measured is not the disk. */
function makeFile(path: string): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, '')
  truncateSync(path, size)
}
