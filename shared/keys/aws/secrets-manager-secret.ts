import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  type SecretsManagerClient,
  TagResourceCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { type KeySecret, ownerTag } from '../key-secret.ts'
import { epochSeconds, promised, type SendOptions, unlessRefused } from './service-answer.ts'

/** A label of ours for a version on its way to `AWSCURRENT`; a version without any label may be deleted. */
const draftLabel = 'edge-signer:draft'
const recoveryDays = 7

/**
 * The secret `SecretId` through the SDK. A new current version is written in two calls, because `PutSecretValue` alone would
 * overwrite whatever became current in between; `UpdateSecretVersionStage` names the version that it replaces.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export function createSecretsManagerSecret(
  client: SecretsManagerClient,
  SecretId: string,
  options: SendOptions = {},
): KeySecret {
  async function describe() {
    const command = new DescribeSecretCommand({ SecretId })
    const answer = await unlessRefused(client.send(command, options), ['ResourceNotFoundException'], null)
    if (answer === null) return undefined
    const versionOf = (label: string) =>
      Object.entries(answer.VersionIdsToStages ?? {}).find(([, labels]) => labels.includes(label))?.[0]
    return {
      arn: promised(answer.ARN, 'DescribeSecret'),
      owner: answer.Tags?.find(({ Key }) => Key === ownerTag)?.Value,
      markedForDeletion: answer.DeletedDate !== undefined,
      current: versionOf('AWSCURRENT'),
      pending: versionOf('AWSPENDING'),
    }
  }

  /** Refused with one of these where the label is on another version by now; the description tells that from other faults. */
  async function makeCurrent(versionId: string, from: string | undefined): Promise<'moved' | 'changed-meanwhile'> {
    const command = new UpdateSecretVersionStageCommand({
      SecretId,
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: versionId,
      ...(from === undefined ? {} : { RemoveFromVersionId: from }),
    })
    try {
      await client.send(command, options)
      return 'moved'
    } catch (error) {
      const current = (await describe())?.current
      if (current === versionId) return 'moved'
      if (current !== from) return 'changed-meanwhile'
      throw error
    }
  }

  async function removeLabel(VersionStage: string, RemoveFromVersionId: string): Promise<void> {
    const command = new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId })
    // Gone with another version already: that is what was wanted.
    await unlessRefused(client.send(command, options), ['InvalidParameterException', 'InvalidRequestException'], null)
  }

  return {
    id: SecretId,
    describe,
    makeCurrent,
    async read(VersionId) {
      const command = new GetSecretValueCommand({ SecretId, VersionId })
      const answer = await unlessRefused(client.send(command, options), ['ResourceNotFoundException'], null)
      if (answer === null || answer.SecretString === undefined) return undefined
      return { id: VersionId, json: answer.SecretString, createdAt: epochSeconds(answer.CreatedDate, 'GetSecretValue') }
    },
    async create(SecretString, owner) {
      const Tags = [{ Key: ownerTag, Value: owner }]
      const Description = 'Signing keys of Edge Signer; made and changed by its functions'
      await client.send(new CreateSecretCommand({ Name: SecretId, SecretString, Description, Tags }), options)
    },
    async restore(owner) {
      await client.send(new RestoreSecretCommand({ SecretId }), options)
      await client.send(new TagResourceCommand({ SecretId, Tags: [{ Key: ownerTag, Value: owner }] }), options)
    },
    async remove() {
      await client.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: recoveryDays }), options)
    },
    async erase() {
      await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }), options)
    },
    async addPending(ClientRequestToken, SecretString) {
      const VersionStages = ['AWSPENDING']
      await client.send(
        new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString, VersionStages }),
        options,
      )
    },
    async dropPending(versionId) {
      await removeLabel('AWSPENDING', versionId)
    },
    async replaceCurrent(SecretString, from) {
      const command = new PutSecretValueCommand({ SecretId, SecretString, VersionStages: [draftLabel] })
      const versionId = promised((await client.send(command, options)).VersionId, 'PutSecretValue')
      const outcome = await makeCurrent(versionId, from)
      await removeLabel(draftLabel, versionId)
      return outcome
    },
  }
}
