import { AwsFault, type Input, type Operation, textOf } from './fault.ts'

/** One version of a secret. */
export interface Version {
  readonly text: string | undefined
  readonly createdAt: number
  readonly labels: Set<string>
}

/** A secret. `deletedAt`: marked for deletion, restorable. */
export interface Secret {
  readonly arn: string
  readonly versions: Map<string, Version>
  owner: Map<string, string>
  deletedAt: number | undefined
}

/** After a forced deletion the name is taken for so long. */
const nameTakenMs = 20_000

/**
 * Secrets Manager: versions with labels, of which each is on one version; deletion that can be taken back; names that are taken
 * for a while after a deletion for good.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
export class Secrets {
  readonly all = new Map<string, Secret>()
  readonly #takenUntil = new Map<string, number>()
  #count = 0

  readonly operations: Readonly<Record<string, Operation>> = {
    DescribeSecretCommand: (input) => {
      const { arn, versions, owner, deletedAt } = this.#find(input)
      return {
        ARN: arn,
        Tags: [...owner].map(([Key, Value]) => ({ Key, Value })),
        VersionIdsToStages: Object.fromEntries(
          [...versions].filter(([, { labels }]) => labels.size > 0).map(([id, { labels }]) => [id, [...labels]]),
        ),
        ...(deletedAt === undefined ? {} : { DeletedDate: new Date(deletedAt) }),
      }
    },
    GetSecretValueCommand: (input) => {
      const version = this.#usable(input).versions.get(textOf(input, 'VersionId'))
      if (version?.text === undefined) throw new AwsFault('ResourceNotFoundException')
      return { SecretString: version.text, CreatedDate: new Date(version.createdAt) }
    },
    CreateSecretCommand: (input, now) => {
      const name = textOf(input, 'Name')
      const there = this.all.get(name)
      if (there?.deletedAt !== undefined || (this.#takenUntil.get(name) ?? 0) > now) {
        throw new AwsFault('InvalidRequestException')
      }
      if (there !== undefined) throw new AwsFault('ResourceExistsException')
      this.add(name, input.SecretString === undefined ? undefined : textOf(input, 'SecretString'), input.Tags, now)
      return {}
    },
    PutSecretValueCommand: (input, now) => {
      const secret = this.#usable(input)
      const id = typeof input.ClientRequestToken === 'string' ? input.ClientRequestToken : this.#newId()
      const text = textOf(input, 'SecretString')
      const there = secret.versions.get(id)
      if (there !== undefined && there.text !== text) throw new AwsFault('ResourceExistsException')
      if (there === undefined) secret.versions.set(id, { text, createdAt: now, labels: new Set() })
      for (const label of (input.VersionStages as string[] | undefined) ?? ['AWSCURRENT']) move(secret, label, id)
      return { VersionId: id }
    },
    UpdateSecretVersionStageCommand: (input) => {
      const secret = this.#usable(input)
      const label = textOf(input, 'VersionStage')
      const from = [...secret.versions].find(([, { labels }]) => labels.has(label))?.[0]
      if (input.RemoveFromVersionId !== undefined && input.RemoveFromVersionId !== from) {
        throw new AwsFault('InvalidParameterException')
      }
      if (input.MoveToVersionId === undefined) {
        if (from !== undefined) secret.versions.get(from)?.labels.delete(label)
        return {}
      }
      const to = textOf(input, 'MoveToVersionId')
      if (from !== undefined && from !== to && input.RemoveFromVersionId === undefined) {
        throw new AwsFault('InvalidParameterException')
      }
      if (!secret.versions.has(to)) throw new AwsFault('ResourceNotFoundException')
      move(secret, label, to)
      return {}
    },
    TagResourceCommand: (input) => {
      const secret = this.#usable(input)
      for (const { Key, Value } of input.Tags as { Key: string; Value: string }[]) secret.owner.set(Key, Value)
      return {}
    },
    RestoreSecretCommand: (input) => {
      this.#find(input).deletedAt = undefined
      return {}
    },
    DeleteSecretCommand: (input, now) => {
      const secret = this.#find(input)
      if (input.ForceDeleteWithoutRecovery === true) {
        const name = textOf(input, 'SecretId')
        this.all.delete(name)
        this.#takenUntil.set(name, now + nameTakenMs)
      } else {
        if (secret.deletedAt !== undefined) throw new AwsFault('InvalidRequestException')
        secret.deletedAt = now
      }
      return {}
    },
  }

  /** Makes a secret by hand, or for `CreateSecret`. */
  add(name: string, text: string | undefined, tags: unknown, now: number): void {
    const owner = new Map(((tags ?? []) as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]))
    const versions = new Map<string, Version>()
    if (text !== undefined) versions.set(this.#newId(), { text, createdAt: now, labels: new Set(['AWSCURRENT']) })
    const arn = `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-AbCdEf`
    this.all.set(name, { arn, versions, owner, deletedAt: undefined })
  }

  #find(input: Input): Secret {
    const secret = this.all.get(textOf(input, 'SecretId'))
    if (secret === undefined) throw new AwsFault('ResourceNotFoundException')
    return secret
  }

  #usable(input: Input): Secret {
    const secret = this.#find(input)
    if (secret.deletedAt !== undefined) throw new AwsFault('InvalidRequestException')
    return secret
  }

  #newId(): string {
    this.#count += 1
    return `version-${this.#count}`
  }
}

/** Moves a label; `AWSPREVIOUS` follows `AWSCURRENT`. */
function move({ versions }: Secret, label: string, to: string): void {
  const from = [...versions].find(([, { labels }]) => labels.has(label))?.[0]
  if (from === to) return
  for (const { labels } of versions.values()) labels.delete(label)
  versions.get(to)?.labels.add(label)
  if (label !== 'AWSCURRENT' || from === undefined) return
  for (const { labels } of versions.values()) labels.delete('AWSPREVIOUS')
  versions.get(from)?.labels.add('AWSPREVIOUS')
}
