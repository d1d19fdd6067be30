import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { guardFunctionConfig } from '../../../../functions/guard/config.ts'
import { headersFunctionConfig } from '../../../../functions/headers/config.ts'
import { buildCloudFrontFunction } from '../../../../infra/build/cloudfront-function.ts'
import { parseDeployment } from '../../../../shared/config/parse.ts'
import config from '../../fixtures/edge-signer.config.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cloudfront-function-build-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function buildSource(source: string, settings: object = {}): Promise<string> {
  const entry = join(directory, 'handler.js')
  await writeFile(entry, source)
  return buildCloudFrontFunction({ entry, config: settings, outFile: join(directory, 'out', 'function.js') })
}

const handlerWith = (body: string) => `export function handler(event) { ${body} }`

describe('the build of a CloudFront Function', () => {
  it('gives a plain script with the function handler, and writes the same to the file', async () => {
    const code = await buildSource('export async function handler(event) { return event.request }')
    expect(code).toMatch(/^async function handler\((\w)\)\{return \1\.request\}$/)
    expect(await readFile(join(directory, 'out', 'function.js'), 'utf8')).toBe(code)
  })

  it('keeps the imports of the runtime at the top and lowers what can be lowered', async () => {
    const code = await buildSource(
      `import cf from 'cloudfront'
       const store = cf.kvs()
       export async function handler(event) { return (await store.get('a'))?.b ?? { event } }`,
    )
    expect(code).toMatch(/^import cf from "cloudfront";\n/)
    expect(code).not.toMatch(/\?\.|\?\?|export/)
    expect(code).toContain('async function handler(')
  })

  it.each([
    ['a class', 'class A {} return new A()'],
    ['destructuring', 'const { request } = event; return request'],
    ['for-of', 'for (const a of event.list) a()'],
    ['spread', 'return [...event.list]'],
    ['a default parameter', 'return ((a = 1) => a)()'],
    ['a generator', 'return (function* () {})()'],
    ['BigInt', 'return 1n'],
  ])('stops at %s', async (_name, body) => {
    await expect(buildSource(handlerWith(body))).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })

  it.each(['new Map()', 'new Set()', 'fetch("/")', 'setTimeout(event)', 'process.env.A', 'eval("1")', 'new URL("/")'])(
    'stops at %s, which CloudFront Functions do not have',
    async (expression) => {
      await expect(buildSource(handlerWith(`return ${expression}`))).rejects.toMatchObject({
        code: 'ERR_CONFIG',
        message: expect.stringContaining('CloudFront Functions have no'),
      })
    },
  )

  it('takes a name of its own for what it is', async () => {
    await expect(buildSource(handlerWith('const Map = event; return Map.request'))).resolves.toContain('handler')
  })

  it.each([
    ['a module of Node', `import { createHmac } from 'node:crypto'\n${handlerWith('return createHmac')}`],
    ['a named import', `import { createHmac } from 'crypto'\n${handlerWith('return createHmac')}`],
    ['no handler', 'export function other() {}'],
    ['a handler that is no function', 'export const handler = 1'],
    ['a second export', `export const a = 1\n${handlerWith('return a')}`],
  ])('stops at %s', async (_name, source) => {
    await expect(buildSource(source)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })

  it('stops over 10 KB, counted as CloudFront gets it', async () => {
    const text = (length: number) => handlerWith(`return "${'x'.repeat(length)}"`)
    expect(Buffer.byteLength(await buildSource(text(10_100)))).toBeLessThanOrEqual(10_240)
    await expect(buildSource(text(10_240))).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })

  it('injects the config, and leaves out what is not read', async () => {
    const settings = { used: { deep: 7 }, unused: 'not there', 'with space': 1 }
    const code = await buildSource(handlerWith('return __CONFIG__.used.deep + event'), settings)
    expect(code).toMatch(/^function handler\((\w)\)\{return 7\+\1\}$/)
  })

  it('gives handler its name back, also beside inner functions of other names', async () => {
    const code = await buildSource(
      `function inner(a) { return a ? inner(a - 1) : 0 }
       export function handler(event) { function e(n) { return n } return e(inner(event)) }`,
    )
    expect(code.match(/function handler\(/g)).toHaveLength(1)
    expect(new Function(`${code}; return handler(3)`)()).toBe(0)
  })

  it.each(['dev', 'prod', 'local'])(
    'keeps guard and headers of stage %s within 6 KB, importing the runtime only',
    async (stage) => {
      const deployment = parseDeployment(config, stage)
      const guard = await buildCloudFrontFunction({
        entry: 'functions/guard/handler.ts',
        config: guardFunctionConfig(deployment),
      })
      const headers = await buildCloudFrontFunction({
        entry: 'functions/headers/handler.ts',
        config: headersFunctionConfig(deployment),
      })
      expect(Buffer.byteLength(guard)).toBeLessThanOrEqual(6144)
      expect(Buffer.byteLength(headers)).toBeLessThanOrEqual(6144)
      expect(guard.match(/^import .*$/gm)).toEqual(['import cf from "cloudfront";', 'import crypto from "crypto";'])
      expect(headers).not.toMatch(/\bimport\b/)
    },
  )
})
