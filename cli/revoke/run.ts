import { deploymentOf } from '../../infra/load-deployment.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { EdgeSignerError } from '../../shared/errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { GrantTemplate } from '../../shared/grant/template.ts'
import type { Revocation, RevocationOrder } from '../../shared/revocation/state.ts'
import { isRevocable } from '../../shared/revocation/stores.ts'
import { showTime } from '../input/time.ts'
import { printErrorLine, printJson, printLine, printLines, tableLines } from '../print.ts'
import { awsDefaults, type ClientSettings } from '../stage/aws-clients.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { openDeployedRevocations, type StageRevocations } from './local-revocations.ts'

/** Options of `edge-signer revocations`. */
export interface StageOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Address of the local stage. */
  readonly url?: string
  /** State directory of the local stage. */
  readonly state?: string
  readonly json?: boolean
}

/** Options of `edge-signer revoke`. */
export interface RevokeOptions extends StageOptions {
  readonly sub?: string
  readonly undo?: boolean
}

/**
 * Ends access to a prefix, or undoes that.
 *
 * @returns the exit status: 1 if there was nothing to undo.
 * @throws UsageError; ConfigError; ServiceError.
 */
export async function runRevoke(
  prefix: string,
  options: RevokeOptions,
  terminal: Terminal,
  settings?: ClientSettings,
): Promise<number> {
  const { revocations, stage, templates } = await openStageRevocations(options, terminal.now(), settings)
  const order: RevocationOrder = {
    prefix: parsePrefix(prefix, templates),
    ...(options.sub === undefined ? {} : { sub: options.sub }),
  }
  if (options.undo) {
    const found = await revocations.restore(order)
    if (options.json) printJson(terminal, { stage, restored: found })
    else if (found) {
      const delay = restoreDelay(await revocations.enforcement())
      printLine(terminal, `${order.prefix}: access is restored for ${describeUsers(order)}, ${delay}`)
    } else printErrorLine(terminal, `${order.prefix}: nothing is revoked for ${describeUsers(order)} in stage ${stage}`)
    return found ? exitCodes.granted : exitCodes.refused
  }
  const revocation = await revocations.revoke(order)
  if (options.json) printJson(terminal, { stage, ...revocationJson(revocation) })
  else {
    printLines(terminal, [
      `${revocation.prefix}: revoked for ${describeUsers(revocation)} in stage ${stage}`,
      revokeDelay(await revocations.enforcement()),
      `sessions from after ${showTime(revocation.before)} can mint again; the entry expires at ${showTime(revocation.expires)}`,
    ])
  }
  return exitCodes.granted
}

/**
 * Prints the revocations in force.
 *
 * @returns the exit status.
 * @throws UsageError; ConfigError; ServiceError.
 */
export async function runRevocations(
  options: StageOptions,
  terminal: Terminal,
  settings?: ClientSettings,
): Promise<number> {
  const { revocations, stage } = await openStageRevocations(options, terminal.now(), settings)
  const list = await revocations.list()
  if (options.json) {
    printJson(terminal, { stage, revocations: list.map(revocationJson) })
  } else if (list.length === 0) {
    printLine(terminal, `nothing is revoked in stage ${stage}`)
  } else {
    const rows = list.map((entry) => [
      entry.prefix,
      showTime(entry.before),
      showTime(entry.expires),
      describeUsers(entry),
    ])
    printLines(terminal, tableLines(['prefix', 'issued until', 'entry expires', 'for'], rows))
  }
  return exitCodes.granted
}

const defaultLocalUrl = 'http://localhost:8080'

/**
 * Opens the revocations of a stage; `local` is the one that runs on this machine.
 *
 * @param now epoch seconds by the clock of this machine, which is also the clock of the local stage.
 * @throws ConfigError if the stage is not configured.
 */
async function openStageRevocations(
  options: StageOptions,
  now: number,
  settings: ClientSettings = awsDefaults,
): Promise<{ revocations: StageRevocations; stage: string; templates: readonly GrantTemplate[] }> {
  const stage = options.stage ?? 'local'
  const deployment = deploymentOf(stage, options.param)
  const templates = deployment.config.grants
  if (stage === 'local') {
    const { openLocalRevocations } = await import('./local-revocations.ts')
    const local = { url: options.url ?? defaultLocalUrl, state: options.state, now }
    return { revocations: openLocalRevocations(deployment, local), stage, templates }
  }
  return { revocations: await openDeployedRevocations(deployment, settings), stage, templates }
}

/** The guard would never look up an entry for another prefix, and the operator would believe that access ended. */
function parsePrefix(text: string, templates: readonly GrantTemplate[]): ResourcePrefix {
  let prefix: ResourcePrefix | undefined
  try {
    prefix = parseResourcePrefix(text)
  } catch (error) {
    if (!(error instanceof EdgeSignerError)) throw error
  }
  if (prefix !== undefined && isRevocable(prefix, templates)) return prefix
  const known = templates.map(({ source }) => source).join(', ')
  throw new UsageError(`the prefix must be a granted one such as /users/alice/, percent-encoded; templates: ${known}`)
}

function describeUsers({ sub }: RevocationOrder): string {
  return sub === undefined ? 'everybody' : `the sessions of ${sub}`
}

/**
 * Describes how soon a revocation takes effect. AWS propagates a KeyValueStore within seconds. The session function, which mints
 * and in `gate` mode authorises reads, caches the state object for 30 s.
 */
function revokeDelay(enforcement: StageConfig['enforcement']): string {
  return enforcement === 'gate'
    ? 'existing cookies and signed URLs are refused, and new ones not made, after 30 s at the latest'
    : 'existing cookies and signed URLs are refused within seconds, new ones are not made after 30 s'
}

/** Describes how soon access is restored. */
function restoreDelay(enforcement: StageConfig['enforcement']): string {
  return enforcement === 'gate' ? 'within 30 s' : 'with existing cookies within seconds, with new ones within 30 s'
}

/** Formats a revocation as JSON with stable names. */
function revocationJson({ prefix, sub, before, expires }: Revocation) {
  return { prefix, sub: sub ?? null, before: showTime(before), expiresAt: showTime(expires) }
}
