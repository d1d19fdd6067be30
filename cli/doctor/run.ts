import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ParamSources } from '../../infra/deployment-params.ts'
import { deploymentOf, paramSources } from '../../infra/load-deployment.ts'
import { isSupportedNode, oldestNode } from '../../infra/node.mjs'
import type { Deployment } from '../../shared/config/parse.ts'
import { fail, marks, pass } from '../finding.ts'
import { printJson, printLines } from '../print.ts'
import { awsDefaults, type ClientSettings } from '../stage/aws-clients.ts'
import { askRunningStage } from '../stage/local-stage.ts'
import type { Terminal } from '../terminal.ts'
import { CredentialsError, exitCodes, UsageError } from '../usage-error.ts'
import { type Check, type CheckResult, runCheck } from './check.ts'
import { httpChecks } from './http-checks.ts'
import { sessionChecks } from './session-checks.ts'

/** Options of `edge-signer doctor`. */
export interface DoctorOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Address of the running stage. Default: the host of the deployed stage. */
  readonly url?: string
  readonly port?: string
  readonly state?: string
  readonly json?: boolean
}

/**
 * Checks everything that a stage needs, and prints each fault with its remedy. Changes nothing.
 *
 * @returns the exit status: 1 if a check failed, 4 if AWS has no valid credentials.
 * @throws UsageError; ConfigError if the stage is not configured.
 */
export async function runDoctor(
  options: DoctorOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  const stage = options.stage ?? 'local'
  const deployment = deploymentOf(stage, options.param)
  const results: CheckResult[] = []
  const add = (result: CheckResult) => {
    if (results.length === 0 && !options.json) printLines(terminal, [heading])
    results.push(result)
    if (!options.json) printLines(terminal, resultLines(result))
  }
  for (const check of [
    ...commonChecks(deployment, paramSources(options.param)),
    ...sessionChecks(deployment, terminal.now),
  ])
    add(await runCheck(check))
  const stageChecks =
    stage === 'local'
      ? await checksOfLocal(deployment, options, terminal)
      : await checksOfDeployed(deployment, options, terminal, settings)
  let noCredentials = false
  for (const check of stageChecks) {
    try {
      add(await runCheck(check))
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error
      if (!noCredentials) add({ check: 'AWS', ...fail(error.message.replace(/^AWS: /, ''), 'then run doctor again') })
      noCredentials = true
    }
  }
  const isWell = results.every(({ status }) => status !== 'fail')
  if (options.json) printJson(terminal, { stage, well: isWell, checks: results })
  else printLines(terminal, ['', isWell ? `Stage ${stage} is well.` : `Stage ${stage} needs attention.`])
  if (noCredentials) return exitCodes.credentials
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
  // The local stage need not run, unless an address is given.
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
  const { readStack } = await import('../stage/deployed-stage.ts')
  // An unreadable stack is a finding of its own. The configuration replaces its outputs.
  const outputs = (await readStack(deployment, settings).catch(() => undefined))?.outputs
  const host = outputs?.get('CdnHost') ?? deployment.config.hosts.primary ?? undefined
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

const heading = `      ${'CHECK'.padEnd(14)}  FINDING`

function resultLines(result: CheckResult): string[] {
  const found = `${marks[result.status]}  ${result.check.padEnd(14)}  ${result.detail}`
  return result.status === 'fail' ? [found, `${' '.repeat(22)}What to do: ${result.remedy}`] : [found]
}

/** Checks for every stage: Node, the configuration, and that the stage can be packaged. */
function commonChecks({ stage, config }: Deployment, sources: ParamSources): readonly Check[] {
  return [
    {
      name: 'node',
      async run() {
        return isSupportedNode(process.versions.node)
          ? pass(`Node ${process.versions.node}`)
          : fail(`Node ${process.versions.node} is too old`, `install Node ${oldestNode} or newer`)
      },
    },
    {
      name: 'configuration',
      async run() {
        return pass(
          `${config.enforcement}, bootstrap ${config.bootstrap}, ${config.grants.map(({ source }) => source).join(' ')}`,
        )
      },
    },
    {
      name: 'template',
      async run() {
        const { packageStage } = await import('../../infra/package-stage.ts')
        const folder = await mkdtemp(join(tmpdir(), 'edge-signer-doctor-'))
        try {
          const { Resources } = await packageStage(stage, sources, folder)
          return pass(`${Object.keys(Resources).length} resources, every function bundles`)
        } finally {
          await rm(folder, { recursive: true, force: true })
        }
      },
    },
  ]
}
