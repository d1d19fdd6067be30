import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { main } from '../../cli/main.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { type StageOptions, startStage } from '../../server/start.ts'

/** The doctor finds no fault in a running local stage, with any options of `npm start`. */
const folder = mkdtempSync(join(tmpdir(), 'edge-signer-doctor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function withStage(
  options: StageOptions,
  look: (stage: { url: string; args: string[] }) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(folder, 'stage-'))
  const state = join(directory, 'state')
  mkdirSync(join(directory, 'content'))
  const content = join(directory, 'content')
  const { url, port, stop } = await startStage({ port: 0, content, stateDirectory: state, ...options })
  await look({ url, args: ['doctor', '--json', '--port', String(port), '--state', state] }).finally(stop)
}

async function doctor(args: string[]) {
  let out = ''
  const add = (text: string) => {
    out += text
  }
  const status = await main(args, { ...processTerminal, out: add, err: add })
  const { checks } = JSON.parse(out) as { checks: { check: string; status: string; detail: string }[] }
  return {
    status,
    wrong: checks.filter((check) => check.status !== 'pass'),
    port: checks.find(({ check }) => check === 'port')?.detail,
  }
}

it.each(['key-group', 'gate'] as const)('knows a stage that runs, in %s mode', async (enforcement) => {
  await withStage({ enforcement }, async ({ url, args }) => {
    const { status, wrong, port } = await doctor([...args, '--url', url])
    expect({ status, wrong }).toEqual({ status: 0, wrong: [] })
    expect(port).toContain(`(process ${process.pid})`)
  })
})

it('knows a stage with TLS', async () => {
  await withStage({ tls: true }, async ({ args }) => {
    const { status, wrong, port } = await doctor(args)
    expect({ status, wrong }).toEqual({ status: 0, wrong: [] })
    expect(port).toContain('a local stage runs here')
  })
})
