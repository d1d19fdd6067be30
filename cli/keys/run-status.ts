import type { Deployment } from '../../shared/config/parse.ts'
import type { KeyRingStatus } from '../../shared/keys/key-status.ts'
import { exitCodes } from '../exit-codes.ts'
import { showTime } from '../input/time.ts'
import { throughAws } from '../stage/aws-failure.ts'
import { awsDefaults, type ClientSettings } from '../stage/client-settings.ts'
import { openKeyRing } from '../stage/deployed-stage.ts'
import { deploymentOf } from '../stage/deployment.ts'
import type { Terminal } from '../terminal.ts'
import { readLocalKeyStatus } from './local-status.ts'

/** The options of `edge-signer keys`. */
export interface KeysOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  readonly state?: string
  readonly json?: boolean
}

/**
 * Prints the keys of a stage and what is wrong with them.
 *
 * @returns the exit status: 1 where something is wrong.
 * @throws UsageError; ConfigError; ServiceError `ERR_KEYS_…` where there is nothing to look at.
 */
export async function runKeysStatus(
  { stage = 'local', param, state, json }: KeysOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  const now = terminal.now()
  const status =
    stage === 'local'
      ? await readLocalKeyStatus(state, now)
      : await readDeployedKeyStatus(deploymentOf(stage, param), settings, now)
  terminal.out(json ? `${JSON.stringify({ stage, ...statusJson(status) }, null, 2)}\n` : statusText(status))
  return status.faults.length === 0 ? exitCodes.granted : exitCodes.refused
}

/** What a deployed stage's keys are there for. @throws ServiceError `ERR_KEYS_…`. */
export async function readDeployedKeyStatus(
  deployment: Deployment,
  settings: ClientSettings,
  now: number,
): Promise<KeyRingStatus> {
  const { readKeyStatus } = await import('../../shared/keys/key-status.ts')
  return throughAws(async () => readKeyStatus(await openKeyRing(deployment, settings, now)))
}

function statusJson({ keyGroupId, keys, rotation, faults }: KeyRingStatus) {
  return {
    keyGroupId,
    rotation: rotation ?? null,
    keys: keys.map(({ keyPairId, algorithm, role, notBefore, retiresAt }) => ({
      keyPairId,
      algorithm,
      role,
      notBefore: showTime(notBefore),
      retiresAt: retiresAt === undefined ? null : showTime(retiresAt),
    })),
    faults,
  }
}

function statusText({ keyGroupId, keys, rotation, faults }: KeyRingStatus): string {
  const lines = keys.map(({ keyPairId, algorithm, role, notBefore, retiresAt }) =>
    [
      keyPairId.padEnd(14),
      algorithm,
      role.padEnd(9),
      `from ${showTime(notBefore)}`,
      ...(retiresAt === undefined ? [] : [`until ${showTime(retiresAt)}`]),
    ].join('  '),
  )
  return `${[
    `key group ${keyGroupId}`,
    ...lines,
    ...(rotation === undefined ? [] : [`a rotation is under way (version ${rotation})`]),
    ...faults.map((fault) => `WRONG: ${fault}`),
  ].join('\n')}\n`
}
