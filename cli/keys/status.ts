import { deploymentOf } from '../../infra/load-deployment.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { newestUsableKey, type SigningKey } from '../../shared/keys/key-document.ts'
import { latestKey } from '../../shared/keys/key-ring.ts'
import { type KeyRingStatus, readKeyStatus, roleOfTrusted } from '../../shared/keys/key-status.ts'
import { showTime } from '../input/time.ts'
import { printJson, printLines, tableLines } from '../print.ts'
import { awsDefaults, type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import { openKeyRing } from '../stage/deployed-stage.ts'
import { readLocalStage } from '../stage/local-stage.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes } from '../usage-error.ts'

/** Options of `edge-signer keys`. */
export interface KeysOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  readonly state?: string
  readonly json?: boolean
}

/**
 * Prints the keys of a stage and their faults.
 *
 * @returns the exit status: 1 if there is a fault.
 * @throws UsageError; ConfigError; ServiceError `ERR_KEYS_…` if the stage has no keys.
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
  if (json) printJson(terminal, { stage, ...statusJson(status) })
  else printLines(terminal, statusLines(status))
  return status.faults.length === 0 ? exitCodes.granted : exitCodes.refused
}

/** @throws ServiceError `ERR_KEYS_…`. */
async function readDeployedKeyStatus(
  deployment: Deployment,
  settings: ClientSettings,
  now: number,
): Promise<KeyRingStatus> {
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

function statusLines({ keyGroupId, keys, rotation, faults }: KeyRingStatus): string[] {
  const rows = keys.map(({ keyPairId, algorithm, role, notBefore, retiresAt }) => [
    keyPairId,
    algorithm,
    role,
    showTime(notBefore),
    retiresAt === undefined ? '-' : showTime(retiresAt),
  ])
  return [
    `key group ${keyGroupId}`,
    ...tableLines(['key pair id', 'algorithm', 'role', 'signs from', 'retires at'], rows),
    ...(rotation === undefined ? [] : [`a rotation is under way (version ${rotation})`]),
    ...faults.map((fault) => `WRONG: ${fault}`),
  ]
}

/**
 * Reads the keys of the local stage. It never retires a key, so no key has an end.
 *
 * @throws UsageError if the stage was never started.
 */
export async function readLocalKeyStatus(directory: string | undefined, now: number): Promise<KeyRingStatus> {
  const { document, publicKeys } = await readLocalStage(directory)
  const hasUsable = document.keys.some(({ notBefore }) => notBefore <= now)
  const signing = hasUsable ? newestUsableKey(document, now) : latestKey(document.keys)
  const keys = document.keys.map((key) => ({
    keyPairId: key.keyPairId,
    algorithm: key.algorithm,
    role: roleOfTrusted(key, signing, now),
    notBefore: key.notBefore,
    retiresAt: undefined,
    fate: isTrusted(key, publicKeys) ? ('kept' as const) : ('withdrawn' as const),
  }))
  const faults = keys
    .filter(({ fate }) => fate === 'withdrawn')
    .map(({ keyPairId }) => `key ${keyPairId} is not in the key group: its signatures are refused`)
  return { keyGroupId: 'local', keys, rotation: undefined, faults }
}

function isTrusted({ keyPairId, publicKey }: SigningKey, group: ReadonlyMap<string, SigningKey['publicKey']>): boolean {
  return group.get(keyPairId)?.equals(publicKey) ?? false
}
