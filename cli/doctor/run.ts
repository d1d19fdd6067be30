import { paramSources } from '../../infra/serverless-file.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { exitCodes } from '../exit-codes.ts'
import { printable } from '../redact.ts'
import { awsDefaults, type ClientSettings } from '../stage/client-settings.ts'
import { deploymentOf } from '../stage/deployment.ts'
import { askRunningStage } from '../stage/running-stage.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { type Check, type Result, runCheck } from './check.ts'
import { commonChecks } from './common-checks.ts'
import { httpChecks } from './http-checks.ts'

/** The options of `edge-signer doctor`. */
export interface DoctorOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Where it is asked; found out where it is not given. */
  readonly url?: string
  readonly port?: string
  readonly state?: string
  readonly json?: boolean
}

/**
 * Looks at everything that a stage needs, and prints what is wrong and what to do. Changes nothing.
 *
 * @returns the exit status: 1 where something is wrong.
 * @throws UsageError; ConfigError where the stage is not configured.
 */
export async function runDoctor(
  options: DoctorOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  const stage = options.stage ?? 'local'
  const deployment = deploymentOf(stage, options.param)
  const checks = [
    ...commonChecks(deployment, paramSources(options.param)),
    ...(stage === 'local'
      ? await checksOfLocal(deployment, options, terminal)
      : await checksOfDeployed(deployment, options, terminal, settings)),
  ]
  const results: Result[] = []
  for (const check of checks) {
    const result = await runCheck(check)
    results.push(result)
    if (!options.json) terminal.out(resultText(result))
  }
  const isWell = results.every(({ status }) => status !== 'fail')
  if (options.json) terminal.out(`${JSON.stringify({ stage, well: isWell, checks: results }, null, 2)}\n`)
  else terminal.out(isWell ? `\nStage ${stage} is well.\n` : `\nStage ${stage} needs attention.\n`)
  return isWell ? exitCodes.granted : exitCodes.refused
}

async function checksOfLocal(
  deployment: Deployment,
  { port = '8080', state, url }: DoctorOptions,
  terminal: Terminal,
): Promise<Check[]> {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new UsageError('--port must be 0 to 65535')
  const { localChecks } = await import('./local-checks.ts')
  const checks = localChecks({ port: Number(port), state, now: terminal.now() })
  // It need not run; where an address is given it must.
  if (url === undefined) return [...checks]
  const origin = originOf(url)
  const { enforcement } = (await askRunningStage(origin, state)) ?? deployment.config
  return [...checks, ...httpChecks(deployment, { origin, enforcement, now: terminal.now })]
}

async function checksOfDeployed(
  deployment: Deployment,
  { url }: DoctorOptions,
  terminal: Terminal,
  settings: ClientSettings,
): Promise<Check[]> {
  const { deployedChecks } = await import('./deployed-checks.ts')
  const { readStack } = await import('../stage/stack.ts')
  // A stack that cannot be read is a finding of its own; what it would have said comes from the configuration.
  const outputs = (await readStack(deployment, settings).catch(() => undefined))?.outputs
  const host = outputs?.get('CdnHost') ?? deployment.config.cdnHost ?? undefined
  return [
    ...deployedChecks(deployment, settings, terminal.now()),
    ...httpChecks(deployment, {
      origin: url === undefined ? (host === undefined ? undefined : `https://${host}`) : originOf(url),
      enforcement: outputs?.get('Enforcement') ?? deployment.config.enforcement,
      now: terminal.now,
    }),
  ]
}

function originOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('--url must be an address such as https://cdn.example.com')
  }
  return new URL(url).origin
}

const marks = { pass: 'pass', fail: 'FAIL', unknown: '  ? ' } as const

function resultText({ check, status, detail, remedy }: Result): string {
  const what = remedy === undefined ? '' : `\n${' '.repeat(22)}What to do: ${remedy}`
  return `${marks[status]}  ${check.padEnd(14)}  ${printable(detail)}${what}\n`
}
