import { deploymentOf } from '../../infra/load-deployment.ts'
import { ServiceError } from '../../shared/errors.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'
import { keyTimes, waitingTime } from '../../shared/keys/key-times.ts'
import { showTime } from '../input/time.ts'
import { printJson, printLines } from '../print.ts'
import { awsDefaults, type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import type { Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import type { KeysOptions } from './status.ts'

/**
 * Starts a rotation in Secrets Manager, which calls the rotation function of the stage. That adds a key beside the old ones, which
 * signs as soon as every edge location knows it. Existing signatures stay valid.
 *
 * @returns the exit status.
 * @throws UsageError for the local stage; ServiceError `ERR_KEYS_ROTATION`.
 */
export async function runKeysRotate(
  { stage = 'local', param, json }: KeysOptions,
  terminal: Terminal,
  settings: ClientSettings = awsDefaults,
): Promise<number> {
  if (stage === 'local') {
    throw new UsageError('the local stage has no Secrets Manager: name a deployed one with --stage')
  }
  const { service } = deploymentOf(stage, param)
  const secretId = keysSecretId(service, stage)
  const version = await throughAws(() => beginRotation(secretId, settings))
  const signsFrom = terminal.now() + waitingTime(keyTimes)
  if (json) {
    printJson(terminal, { stage, version, signsFrom: showTime(signsFrom) })
  } else {
    printLines(terminal, [
      `rotation of ${secretId} started (version ${version})`,
      `the new key signs from about ${showTime(signsFrom)}; see edge-signer keys status --stage ${stage}`,
    ])
  }
  return exitCodes.granted
}

async function beginRotation(SecretId: string, settings: ClientSettings): Promise<string> {
  const { RotateSecretCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  try {
    return (await new SecretsManagerClient(settings).send(new RotateSecretCommand({ SecretId }))).VersionId ?? ''
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      throw new ServiceError(
        'ERR_KEYS_ROTATION',
        `secret ${SecretId} does not exist: deploy the stack, which creates it`,
      )
    }
    if (error instanceof Error && error.name === 'InvalidRequestException') {
      const why = 'has no rotation function, or a rotation is under way: see edge-signer keys status, or deploy again'
      throw new ServiceError('ERR_KEYS_ROTATION', `secret ${SecretId} ${why}`)
    }
    throw error
  }
}
