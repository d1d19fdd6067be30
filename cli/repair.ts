import { deploymentOf } from '../infra/load-deployment.ts'
import { type Check, type CheckResult, runCheck } from './doctor/check.ts'
import { stateChecks } from './doctor/deployed-checks.ts'
import { printJson, printLines } from './print.ts'
import { awsDefaults, type ClientSettings, throughAws } from './stage/aws-clients.ts'
import type { Terminal } from './terminal.ts'
import { exitCodes, UsageError } from './usage-error.ts'

/** Options of `edge-signer repair`. */
export interface RepairOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Make the changes instead of showing them. */
  readonly yes?: boolean
  readonly json?: boolean
}

/** Outcome of one check. */
interface Outcome {
  readonly check: string
  /** `open`: there is a fault that was not repaired. */
  readonly status: 'well' | 'repaired' | 'open'
  readonly detail: string
  readonly remedy?: string
  /** The repair, made or only proposed. */
  readonly does?: string
  readonly changes?: readonly string[]
}

/**
 * Shows the faults in the state of a deployed stage and their repairs. With `yes`, makes the repairs and checks again.
 * Idempotent: a second run finds nothing to do.
 *
 * @returns the exit status: 1 if a fault remains.
 * @throws UsageError for the local stage; ConfigError if the stage is not configured.
 */
export async function runRepair(
  { stage = 'local', param, yes = false, json = false }: RepairOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  if (stage === 'local')
    throw new UsageError('the local stage repairs itself when it starts: name a deployed one with --stage')
  return repairAll(stateChecks(deploymentOf(stage, param), settings, terminal.now()), { stage, yes, json }, terminal)
}

/** Runs the checks in order, each with its repair. */
export async function repairAll(
  checks: readonly Check[],
  { stage, yes, json }: { readonly stage: string; readonly yes: boolean; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const outcomes: Outcome[] = []
  for (const check of checks) {
    const outcome = await repairOne(check, yes)
    outcomes.push(outcome)
    if (!json) printLines(terminal, outcomeLines(outcome, yes))
  }
  const isWell = outcomes.every(({ status }) => status !== 'open')
  const isShown = !yes && outcomes.some(({ does }) => does !== undefined)
  if (json) printJson(terminal, { stage, well: isWell, dryRun: !yes, checks: outcomes })
  else if (isShown)
    printLines(terminal, ['', `Nothing was changed. To make the repairs: edge-signer repair --stage ${stage} --yes`])
  else printLines(terminal, ['', isWell ? `Stage ${stage} is well.` : `Stage ${stage} needs attention.`])
  return isWell ? exitCodes.granted : exitCodes.refused
}

async function repairOne(check: Check, yes: boolean): Promise<Outcome> {
  const found = await runCheck(check)
  if (found.status !== 'fail') return { check: found.check, status: 'well', detail: found.detail }
  const { repair } = found
  if (repair === undefined || !yes) return open(found, repair?.does)
  try {
    const changes = await throughAws(() => repair.run())
    const after = await runCheck(check)
    if (after.status === 'fail') return { ...open(after, repair.does), changes }
    return { check: after.check, status: 'repaired', detail: after.detail, does: repair.does, changes }
  } catch (error) {
    const { detail } = await runCheck({ name: check.name, run: () => Promise.reject(error) })
    return open({ ...found, detail }, repair.does)
  }
}

function open({ check, detail, remedy }: Extract<CheckResult, { status: 'fail' }>, does: string | undefined): Outcome {
  return { check, status: 'open', detail, remedy, ...(does === undefined ? {} : { does }) }
}

const marks = { well: 'well', repaired: 'done', open: 'OPEN' } as const

function outcomeLines({ check, status, detail, remedy, does, changes = [] }: Outcome, yes: boolean): string[] {
  const more = [
    ...(does === undefined ? [] : [`${yes ? 'Repair' : 'Would'}: ${does}`]),
    ...changes.map((line) => `Changed: ${line}`),
    ...(status === 'open' && remedy !== undefined && (yes || does === undefined) ? [`What to do: ${remedy}`] : []),
  ]
  return [`${marks[status]}  ${check.padEnd(14)}  ${detail}`, ...more.map((line) => `${' '.repeat(22)}${line}`)]
}
