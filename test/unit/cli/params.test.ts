import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command-line.ts'

/** A project as docs/deploying.md allows it: some settings in edge-signer.config.ts, and those that they require in serverless.yml. */
const root = fileURLToPath(new URL('../../..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'edge-signer-params-'))
const certificateArn = 'arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555'

beforeAll(() => {
  for (const name of ['cli', 'infra', 'shared', 'functions', 'client', 'pages', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(project, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
  const changed = (name: string, from: string, to: string) => {
    const text = readFileSync(join(root, name), 'utf8')
    expect(text).toContain(from)
    writeFileSync(join(project, name), text.replace(from, to))
  }
  changed('edge-signer.config.ts', 'prod: {', "prod: {\n      cdnHost: 'cdn.example.com',")
  changed('serverless.yml', '  prod: {}', `  prod:\n    certificateArn: ${certificateArn}\n    enforcement: gate`)
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

/** Runs the command of the copy, with an AWS endpoint on which nothing listens. */
function command(...args: string[]): Promise<{ out: string; err: string }> {
  const AWS_ENDPOINT_URL = 'http://127.0.0.1:1'
  const env = {
    PATH: process.env.PATH,
    AWS_ENDPOINT_URL,
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
    AWS_MAX_ATTEMPTS: '1',
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [join(project, 'cli/edge-signer.mjs'), ...args], { env }, (_error, out, err) =>
      resolve({ out, err }),
    )
  })
}

describe('params of serverless.yml', () => {
  it.each(['revocations', 'revoke /users/alice/', 'keys status', 'keys rotate'])(
    'are part of the stage: %s',
    async (line) => {
      const { err } = await command(...line.split(' '), '--stage', 'prod')
      expect(err).toContain('ERR_STORE_UNAVAILABLE')
    },
  )

  it('apply to doctor, and those of the command line override them', async () => {
    const url = ['--url', 'http://127.0.0.1:1']
    const { out } = await command('doctor', '--stage', 'prod', '--json', ...url, '--param', 'bootstrap=none')
    const found = JSON.parse(out).checks.filter(({ check }: { check: string }) => /^(conf|templ)/.test(check))
    expect(found).toEqual([
      { check: 'configuration', status: 'pass', detail: expect.stringMatching(/^gate, bootstrap none,/) },
      { check: 'template', status: 'pass', detail: expect.any(String) },
    ])
  })
})

describe('--param', () => {
  it('changes the stage, and is validated like a parameter of serverless', async () => {
    const session = (param: string) => run(['session', 'alice', '--stage', 'prod', '--param', param])
    expect((await session('cdnHost=cdn.example.com')).err).toContain('certificateArn')
    expect((await session('foo=1')).err).toContain('"foo"')
    expect((await session('enforcement=gate')).err).toContain('--key')
  })
})
