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
import { ServiceError } from '../../errors.ts'
import {
  draftLabel,
  type GoneStack,
  goneTag,
  type KeySecret,
  ownerTag,
  released,
  trustedLabel,
  type VersionLabel,
} from '../../keys/key-secret.ts'
import { ConcurrentChangeError } from '../../operations/retry.ts'

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
    const tagOf = (tag: string) => answer.Tags?.find(({ Key }) => Key === tag)?.Value
    return {
      arn: promised(answer.ARN, 'DescribeSecret'),
      owner: tagOf(ownerTag),
      gone: goneStackOf(tagOf(goneTag)),
      markedForDeletion: answer.DeletedDate !== undefined,
      current: versionOf('AWSCURRENT'),
      pending: versionOf('AWSPENDING'),
      draft: versionOf(draftLabel),
      trusted: versionOf(trustedLabel),
    }
  }

  /** `from` undefined: no version has the label. */
  async function moveLabel(VersionStage: string, MoveToVersionId: string, from: string | undefined): Promise<void> {
    const RemoveFromVersionId = from === undefined ? {} : { RemoveFromVersionId: from }
    const command = { SecretId, VersionStage, MoveToVersionId, ...RemoveFromVersionId }
    await client.send(new UpdateSecretVersionStageCommand(command), options)
  }

  /** The errors of a label that is elsewhere by now have no name of their own; the description tells them apart. */
  async function makeCurrent(versionId: string, from: string | undefined): Promise<'moved' | 'changed-meanwhile'> {
    try {
      await moveLabel('AWSCURRENT', versionId, from)
      return 'moved'
    } catch (error) {
      const current = (await describe())?.current
      if (current === versionId) return 'moved'
      if (current !== from) return 'changed-meanwhile'
      throw error
    }
  }

  async function dropLabel(VersionStage: VersionLabel, RemoveFromVersionId: string): Promise<void> {
    const command = new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId })
    await unlessRefused(client.send(command, options), ['InvalidParameterException', 'InvalidRequestException'], null)
  }

  async function adopt(owner: string, gone?: GoneStack): Promise<void> {
    const goneTags = gone === undefined ? [] : [{ Key: goneTag, Value: `${gone.at} ${gone.id}` }]
    const Tags = [{ Key: ownerTag, Value: owner }, ...goneTags]
    await client.send(new TagResourceCommand({ SecretId, Tags }), options)
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
      const answer = client.send(new CreateSecretCommand({ Name: SecretId, SecretString, Description, Tags }), options)
      // A deleted secret keeps its name for a while: InvalidRequestException.
      const refusals = ['ResourceExistsException', 'InvalidRequestException']
      if ((await unlessRefused(answer, refusals, null)) !== null) return
      throw new ConcurrentChangeError(
        'ERR_KEYS_UNAVAILABLE',
        `secret ${SecretId}: the name is in use, or the secret is being deleted: deploy again in a few minutes`,
      )
    },
    async restore() {
      await client.send(new RestoreSecretCommand({ SecretId }), options)
    },
    adopt: (owner) => adopt(owner),
    async remove(gone) {
      await adopt(released, gone)
      await client.send(new DeleteSecretCommand({ SecretId, RecoveryWindowInDays: recoveryDays }), options)
    },
    async addPending(ClientRequestToken, SecretString) {
      const VersionStages = ['AWSPENDING']
      await client.send(
        new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString, VersionStages }),
        options,
      )
    },
    dropLabel,
    async markTrusted(versionId, from) {
      await moveLabel(trustedLabel, versionId, from)
    },
    async replaceCurrent(SecretString, from) {
      const command = new PutSecretValueCommand({ SecretId, SecretString, VersionStages: [draftLabel] })
      const versionId = promised((await client.send(command, options)).VersionId, 'PutSecretValue')
      try {
        return await makeCurrent(versionId, from)
      } finally {
        // Best-effort: the step is done, or has its own error. The next run takes away a label that stayed.
        await dropLabel(draftLabel, versionId).catch(() => undefined)
      }
    },
  }
}

function goneStackOf(tag: string | undefined): GoneStack | undefined {
  const [, at, id] = /^([0-9]+) (.+)$/.exec(tag ?? '') ?? []
  return at === undefined || id === undefined ? undefined : { id, at: Number(at) }
}

/** Options of the SDK's `send`. */
export interface SendOptions {
  /** Ends what is under way, and refuses what comes after. */
  readonly abortSignal?: AbortSignal
}

/** The answer, or `instead` where the service refused with one of these errors. */
export async function unlessRefused<T, U>(
  answer: Promise<T>,
  errorNames: readonly string[],
  instead: U,
): Promise<T | U> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && errorNames.includes(error.name)) return instead
    throw error
  }
}

/**
 * A field that the service's model calls optional and its documentation promises.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE`.
 */
export function promised<T>(value: T | undefined, operation: string): T {
  if (value === undefined) throw new ServiceError('ERR_KEYS_UNAVAILABLE', `${operation} answered without its result`)
  return value
}

/** A date of the SDK as epoch seconds. */
export function epochSeconds(date: Date | undefined, operation: string): number {
  return Math.floor(promised(date, operation).getTime() / 1000)
}
