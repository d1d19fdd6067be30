/** How long Node takes to load each bundle, in a process that has loaded nothing else: what a cold start adds. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { buildFunctions, lambdaOptions } from '../../infra/build/index.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import config from '../unit/fixtures/edge-signer.config.ts'
import type { Comparison } from './comparison.ts'

const ours = 'functions/session'
const floor = 'a handler that requires node:crypto'
const peer = 'a cognito-at-edge handler'

export const comparisons: readonly Comparison[] = [
  {
    name: 'cold load of the edge bundle',
    unit: 'ms',
    prepare: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'edge-signer-bench-'))
      await buildFunctions(parseDeployment(config, 'prod'), folder)
      await writeFile(
        join(folder, 'floor.cjs'),
        "exports.handler = async () => require('node:crypto').randomUUID()\nrequire('node:crypto')\n",
      )
      await bundlePeer(join(folder, 'peer.cjs'))
      return { env: { BENCH_BUNDLES: folder }, stop: () => rm(folder, { recursive: true }) }
    },
    variants: {
      [ours]: () => loadTime('session/index.cjs'),
      [floor]: () => loadTime('floor.cjs'),
      [peer]: () => loadTime('peer.cjs'),
    },
    ratios: [
      { of: ours, against: floor, atMost: 2 },
      { of: ours, against: peer, atMost: 0.2 },
    ],
  },
]

/** Milliseconds that `require` of a bundle takes: the median of 9 fresh processes, because one is a few milliseconds only. */
async function loadTime(bundle: string): Promise<number> {
  const path = join(process.env.BENCH_BUNDLES ?? '', bundle)
  const script = `const s=process.hrtime.bigint();require(${JSON.stringify(path)});console.log(Number(process.hrtime.bigint()-s)/1e6)`
  const times: number[] = []
  for (let i = 0; i < 9; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script])
    times.push(Number(stdout))
  }
  return times.sort((a, b) => a - b)[4] ?? Number.NaN
}

/** Bundled with the very options of our own edge bundle. */
async function bundlePeer(outfile: string): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('cognito-at-edge')
  await build({
    ...lambdaOptions,
    stdin: {
      contents: `import { Authenticator } from ${JSON.stringify(entry)}
const authenticator = new Authenticator({ region: 'us-east-1', userPoolId: 'us-east-1_abc', userPoolAppId: 'app', userPoolDomain: 'a.example.com' })
export const handler = async (event) => authenticator.handle(event)`,
      resolveDir: process.cwd(),
      loader: 'js',
    },
    outfile,
  })
}
