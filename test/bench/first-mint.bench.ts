/**
 * The first mint of a function of 128 MB, which has 1.45 ms of CPU in each 20 ms: the deployed bundle in fresh processes, with Secrets
 * Manager, S3 and the app's key set on this machine behind TLS. Against a handler that makes the same requests and one
 * signature by `node:https` and `node:crypto`, and nothing else.
 */
import { execFile } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildFunctions } from '../../infra/build/index.ts'
import { runCommand } from '../../local/setup/command.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import config from '../unit/fixtures/edge-signer.config.ts'
import { context, eventOf, jwks, keyDocument, token, withSession } from '../unit/functions/session/edge.ts'
import { type Comparison, median } from './comparison.ts'
import { openCpuShare } from './cpu-share.ts'

const remote = 'first mint, key set fetched'
const builtIn = 'first mint, key set built in'
const floor = 'three requests and one signature'

/** 128 MB are 128 / 1769 of a CPU (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). */
const [quota, period] = [1450, 20_000]
/** Cold starts for each figure. */
const starts = Number(process.env.BENCH_STARTS ?? 20)
const coldProcess = fileURLToPath(new URL('cold-process.cjs', import.meta.url))

/** One cold start and its cost. */
interface Start {
  readonly variant: string
  readonly status: number
  readonly wallMs: number
  readonly cpuMs: number
  readonly rssMiB: number
}

const startsFile = join(tmpdir(), `edge-signer-bench-${process.pid}.starts`)

export const comparisons: readonly Comparison[] = [
  {
    name: 'cold first mint under the CPU share of 128 MB',
    unit: 'ms',
    missing: async () => {
      const share = openCpuShare(quota, period)
      share?.remove()
      return share === undefined ? 'a control group of the CPU that may be written to' : undefined
    },
    prepare: async () => {
      const folder = mkdtempSync(join(tmpdir(), 'edge-signer-bench-'))
      const share = openCpuShare(quota, period)
      if (share === undefined) throw new Error('no control group')
      const prod = config.stages.prod
      const session = { ...prod?.session, jwks }
      const withKeys = { ...config, stages: { ...config.stages, prod: { ...prod, session } } } as typeof config
      await buildFunctions(parseDeployment(config, 'prod'), join(folder, 'remote'))
      await buildFunctions(parseDeployment(withKeys, 'prod'), join(folder, 'built-in'))
      writeFileSync(join(folder, 'floor.cjs'), floorSource)
      const certificate = await makeCertificate(folder)
      const { port, stop } = await serve(certificate)
      writeFileSync(startsFile, '')
      const now = Math.floor(Date.now() / 1000)
      const settings = {
        ...{ port, context, share: share.members, outside: share.outside },
        event: eventOf(withSession(await token({ iat: now, exp: now + 36_000 }))),
      }
      const bundles = {
        [remote]: join(folder, 'remote/session/index.cjs'),
        [builtIn]: join(folder, 'built-in/session/index.cjs'),
        [floor]: join(folder, 'floor.cjs'),
      }
      return {
        env: {
          BENCH_COLD: JSON.stringify({ settings, bundles, startsFile }),
          NODE_EXTRA_CA_CERTS: certificate.certificate,
          AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'for this measurement only',
        },
        stop: async () => {
          await stop()
          share.remove()
          rmSync(folder, { recursive: true })
        },
      }
    },
    variants: Object.fromEntries([remote, builtIn, floor].map((variant) => [variant, () => firstMints(variant)])),
    ratios: [
      { of: remote, against: floor, atMost: 2 },
      { of: builtIn, against: floor, atMost: 2 },
    ],
    report: async () => {
      const lines = readFileSync(startsFile, 'utf8').trim().split('\n')
      rmSync(startsFile)
      const all = lines.map((line) => JSON.parse(line) as Start)
      return [remote, builtIn, floor].map((variant) => {
        const own = all.filter((start) => start.variant === variant)
        const refused = own.filter(({ status }) => status !== 200).length
        const p99 = [...own].sort((a, b) => a.wallMs - b.wallMs)[Math.ceil(own.length * 0.99) - 1]?.wallMs ?? Number.NaN
        const cpu = median(own.map(({ cpuMs }) => cpuMs))
        const rss = Math.max(...own.map(({ rssMiB }) => rssMiB))
        const figures = `p99 ${p99.toFixed(0)} ms, CPU ${cpu.toFixed(1)} ms, RSS at most ${rss.toFixed(0)} MiB`
        return `${variant.padEnd(34)} ${refused} of ${own.length} refused, ${figures}`
      })
    },
  },
]

/** The median of the time that a first request waits, over some cold starts. */
async function firstMints(variant: string): Promise<number> {
  const { settings, bundles, startsFile } = JSON.parse(process.env.BENCH_COLD ?? '')
  const argument = JSON.stringify({ ...settings, bundle: bundles[variant] })
  const times: number[] = []
  for (let i = 0; i < starts; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [coldProcess, argument])
    const start = { ...JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), variant } as Start
    appendFileSync(startsFile, `${JSON.stringify(start)}\n`)
    times.push(start.wallMs)
  }
  return median(times)
}

/** Secrets Manager, the bucket and the app, by host name. */
async function serve({ certificate, key }: { certificate: string; key: string }) {
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
    const { host = '' } = request.headers
    request.resume()
    if (host.startsWith('secretsmanager')) response.end(JSON.stringify({ SecretString: JSON.stringify(keyDocument) }))
    else response.end(host.includes('.s3.') ? '{"revocations":[]}' : JSON.stringify(jwks))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A certificate for the hosts of a mint. */
async function makeCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const names = ['secretsmanager.us-east-1.amazonaws.com', '*.s3.us-east-1.amazonaws.com', 'app.example.com']
  const subject = ['-subj', '/CN=bench', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`]
  const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
  await runCommand('openssl', ['req', '-x509', ...pair, '-out', certificate, '-days', '2', ...subject])
  return { certificate, key }
}

const floorSource = `
const https = require('node:https'), crypto = require('node:crypto')
const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
const get = (host) => new Promise((resolve, reject) => https.get('https://' + host + '/', (answer) => {
  let text = ''
  answer.on('data', (part) => { text += part }).on('end', () => resolve(text))
}).on('error', reject))
exports.handler = async () => {
  await Promise.all(['secretsmanager.us-east-1.amazonaws.com', 'x.s3.us-east-1.amazonaws.com', 'app.example.com'].map(get))
  crypto.sign('sha256', Buffer.from('policy'), privateKey)
  return { status: '200' }
}
`
