import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sessionFunctionConfig } from '../../functions/session/config.ts'
import { type Build, buildFunctions, buildLambda } from '../../infra/build/index.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import type { StageConfigInput } from '../../shared/config/stage-config.ts'
import config from './fixtures/edge-signer.config.ts'

const pool = 'https://cognito-idp.ap-southeast-2.amazonaws.com/ap-southeast-2_ABCDEFGHI'
const longNames: Partial<StageConfigInput> = {
  enforcement: 'gate',
  appOrigin: 'application.internal.of-a-company.example.com',
  bucket: 'the-bucket-of-a-company-for-large-private-files',
  bucketRegion: 'ap-southeast-2',
  session: {
    issuer: pool,
    jwksUrl: `${pool}/.well-known/jwks.json`,
    audience: '1a2b3c4d5e6f7g8h9i0j1k2l3m',
    algorithms: ['RS256'],
  },
}

/** Limits of each bundle, so that a growing dependency fails here and not in the edge's cold starts. */
const outDir = mkdtempSync(join(tmpdir(), 'edge-signer-bundles-'))
let built: Build

beforeAll(async () => {
  built = await buildFunctions(parseDeployment(config, 'prod'), outDir)
})
afterAll(() => rmSync(outDir, { recursive: true, force: true }))

describe('the session bundle', () => {
  it('holds no AWS client: signing and one fetch are all that it needs', () => {
    const inputs = Object.keys(built.metafiles.session.inputs)
    expect(inputs.some((file) => file.includes('functions/session/'))).toBe(true)
    expect(inputs.filter((file) => /node_modules\/@aws-sdk\/client-/.test(file))).toEqual([])
    expect(inputs.filter((file) => /node_modules\/(valibot|hono|commander)\//.test(file))).toEqual([])
  })

  it('imports nothing at run time but builtins', () => {
    const external = Object.values(built.metafiles.session.outputs).flatMap((output) =>
      output.imports.map(({ path }) => path),
    )
    expect(external.filter((path) => !path.startsWith('node:') && !builtinNames.includes(path))).toEqual([])
  })

  it.each<[string, Partial<StageConfigInput>]>([
    ['as shipped', {}],
    ['in gate mode', { enforcement: 'gate' }],
    ['in gate mode, with an app, a bucket and a JWKS of long names', longNames],
  ])('is small enough to load in a few milliseconds, %s', async (_, changes) => {
    const folder = mkdtempSync(join(outDir, 'size-'))
    const deployment = parseDeployment({ ...config, stages: { prod: { ...config.stages.prod, ...changes } } }, 'prod')
    await buildLambda('session', folder, sessionFunctionConfig(deployment))
    expect(statSync(join(folder, 'session/index.cjs')).size).toBeLessThanOrEqual(96 * 1024)
  })

  it('holds no key', () => {
    expect(readFileSync(join(outDir, 'session/index.cjs'), 'utf8')).not.toMatch(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----\\n[A-Za-z0-9+/]/,
    )
  })
})

describe.each(['guard.js', 'headers.js', 'not-found.js'])('the CloudFront Function %s', (file) => {
  const code = () => readFileSync(join(outDir, file), 'utf8')

  it("imports nothing but the runtime's modules", () => {
    const imported = [...code().matchAll(/\bimport\s+[^"';]*from\s*["']([^"']+)["']/g)].map((match) => match[1])
    for (const name of imported) expect(['cloudfront', 'crypto', 'querystring', 'buffer']).toContain(name)
    expect(code()).not.toMatch(/\brequire\s*\(|\bimport\s*\(/)
  })

  it('has handler at its top and stays under 6 KB', () => {
    expect(code()).toMatch(/(^|[;}\n])(async )?function handler\(/)
    expect(code()).not.toMatch(/\bexport\b/)
    expect(Buffer.byteLength(code())).toBeLessThanOrEqual(6 * 1024)
  })
})

/** esbuild lists `crypto` as well as `node:crypto`, as the dependency wrote it. */
const builtinNames = ['crypto', 'buffer', 'util', 'stream', 'url', 'querystring', 'http', 'https']
