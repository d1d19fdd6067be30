/** How long Node takes to load the API's bundle, against one that takes its libraries whole: what a cold start adds. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { buildFunctions, lambdaOptions } from '../../infra/build/index.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import config from '../unit/fixtures/edge-signer.config.ts'
import { type Comparison, median } from './comparison.ts'

const ours = 'functions/api'
const whole = 'the same libraries, everything of each'

export const comparisons: readonly Comparison[] = [
  {
    name: 'cold load of the API bundle',
    unit: 'ms',
    prepare: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'edge-signer-bench-'))
      await buildFunctions(parseDeployment(config, 'prod'), folder)
      await bundleWhole(join(folder, 'whole.cjs'))
      return { env: { BENCH_BUNDLES: folder }, stop: () => rm(folder, { recursive: true }) }
    },
    variants: { [ours]: () => loadTime('api/index.cjs'), [whole]: () => loadTime('whole.cjs') },
    ratios: [{ of: ours, against: whole }],
  },
]

/** Milliseconds that `require` of a bundle takes: the median of 9 fresh processes. */
async function loadTime(bundle: string): Promise<number> {
  const path = join(process.env.BENCH_BUNDLES ?? '', bundle)
  const script = `const s=process.hrtime.bigint();require(${JSON.stringify(path)});console.log(Number(process.hrtime.bigint()-s)/1e6)`
  const env = { ...process.env, BUCKET: 'assets', CDN_HOST: 'cdn.example.com', AWS_REGION: 'us-east-1' }
  const times: number[] = []
  for (let i = 0; i < 9; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env })
    times.push(Number(stdout))
  }
  return median(times)
}

/** Bundled with the options of our own, but with every export of every library, as `import *` of a client would have it. */
async function bundleWhole(outfile: string): Promise<void> {
  const libraries = [
    '@aws-sdk/client-s3',
    '@aws-sdk/s3-request-presigner',
    '@aws-sdk/s3-presigned-post',
    '@aws-sdk/cloudfront-signer',
    'hono',
    'hono/aws-lambda',
    'hono-openapi',
    '@valibot/to-json-schema',
    'jose',
    'valibot',
  ]
  await build({
    ...lambdaOptions,
    stdin: {
      contents: `${libraries.map((name, i) => `import * as m${i} from '${name}'`).join('\n')}
exports.handler = async () => [${libraries.map((_, i) => `m${i}`).join()}].map((m) => Object.keys(m).length)`,
      resolveDir: process.cwd(),
    },
    outfile,
  })
}
