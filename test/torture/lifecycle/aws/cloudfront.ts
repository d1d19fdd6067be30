import { AwsFault, type Input, type Operation, textOf } from './fault.ts'

/** A public key as CloudFront keeps it. */
export interface PublicKey {
  readonly id: string
  readonly name: string
  readonly comment: string
  readonly pem: string
  readonly createdAt: number
  readonly etag: string
}

/** A key group. `addedAt`: since when a key has been in it. */
export interface Group {
  readonly id: string
  readonly name: string
  readonly comment: string
  readonly items: readonly string[]
  readonly addedAt: ReadonlyMap<string, number>
  readonly modifiedAt: number
  readonly etag: string
}

interface Lists {
  readonly at: number
  readonly keys: readonly PublicKey[]
  readonly groups: readonly Group[]
}

/** The part of CloudFront's state that may be older than the truth, and chance that says how old. */
export interface CloudFrontChance {
  /** A lag for the next list, in milliseconds. */
  readonly lagMs: () => number
  /** CloudFront's name for a conflict, which is one of two. */
  readonly conflict: () => string
}

const maxKeysInGroup = 5

/**
 * CloudFront's public keys and key groups: changes name the `ETag` they are based on, a key in a group and a group that a
 * distribution trusts cannot be deleted, names are unique, quotas hold. One resource by its id is read as it is; lists lag behind.
 */
export class CloudFront {
  readonly keys = new Map<string, PublicKey>()
  readonly groups = new Map<string, Group>()
  /** Groups that a distribution trusts. */
  readonly trustedGroups = new Set<string>()
  maxPublicKeys = 10
  /** Called for each change of a group, with the keys before and after. */
  onGroupChange: (before: readonly string[], after: readonly string[]) => void = () => {}
  readonly #chance: CloudFrontChance
  readonly #past: Lists[] = []
  #count = 0

  constructor(chance: CloudFrontChance) {
    this.#chance = chance
  }

  readonly operations: Readonly<Record<string, Operation>> = {
    ListPublicKeysCommand: (_input, now) => ({
      PublicKeyList: {
        Items: this.#listed(now).keys.map((key) => ({
          ...{ Id: key.id, Name: key.name, Comment: key.comment, EncodedKey: key.pem },
          CreatedTime: new Date(key.createdAt),
        })),
      },
    }),
    GetPublicKeyCommand: (input) => {
      const key = this.#key(input)
      const config = { CallerReference: key.name, Name: key.name, Comment: key.comment, EncodedKey: key.pem }
      return {
        PublicKey: { Id: key.id, CreatedTime: new Date(key.createdAt), PublicKeyConfig: config },
        ETag: key.etag,
      }
    },
    CreatePublicKeyCommand: (input, now) => {
      const config = input.PublicKeyConfig as Input
      const name = textOf(config, 'Name')
      if ([...this.keys.values()].some((key) => key.name === name)) throw new AwsFault('PublicKeyAlreadyExists', 409)
      if (this.keys.size >= this.maxPublicKeys) throw new AwsFault('TooManyPublicKeys')
      const comment = textOf(config, 'Comment')
      const id = this.addKey(name, comment, textOf(config, 'EncodedKey'), now)
      return { PublicKey: { Id: id, CreatedTime: new Date(now) } }
    },
    DeletePublicKeyCommand: (input, now) => {
      const key = this.#key(input)
      if (input.IfMatch !== key.etag) throw this.#conflict()
      if ([...this.groups.values()].some(({ items }) => items.includes(key.id)))
        throw new AwsFault('PublicKeyInUse', 409)
      this.#change(now, () => this.keys.delete(key.id))
      return {}
    },
    ListKeyGroupsCommand: (_input, now) => ({
      KeyGroupList: {
        Items: this.#listed(now).groups.map((group) => ({ KeyGroup: { ...answer(group).KeyGroup } })),
      },
    }),
    GetKeyGroupCommand: (input) => answer(this.#group(input)),
    CreateKeyGroupCommand: (input, now) => {
      const config = input.KeyGroupConfig as Input
      const name = textOf(config, 'Name')
      if ([...this.groups.values()].some((group) => group.name === name))
        throw new AwsFault('KeyGroupAlreadyExists', 409)
      return answer(this.#putGroup(`group-${this.#next()}`, config, now))
    },
    UpdateKeyGroupCommand: (input, now) => {
      const group = this.#group(input)
      if (input.IfMatch !== group.etag) throw this.#conflict()
      return answer(this.#putGroup(group.id, input.KeyGroupConfig as Input, now))
    },
    DeleteKeyGroupCommand: (input, now) => {
      const group = this.#group(input)
      if (input.IfMatch !== group.etag) throw this.#conflict()
      if (this.trustedGroups.has(group.id)) throw new AwsFault('ResourceInUse', 409)
      this.#change(now, () => this.groups.delete(group.id))
      this.onGroupChange(group.items, [])
      return {}
    },
  }

  /** Makes a public key, for an operation or by hand. */
  addKey(name: string, comment: string, pem: string, now: number): string {
    const id = `K${this.#next()}`
    const key = { id, name, comment, pem, createdAt: now, etag: `E${this.#next()}` }
    this.#change(now, () => this.keys.set(id, key))
    return id
  }

  groupNamed(name: string): Group | undefined {
    return [...this.groups.values()].find((group) => group.name === name)
  }

  #putGroup(id: string, config: Input, now: number): Group {
    const items = config.Items as readonly string[]
    if (items.length > maxKeysInGroup) throw new AwsFault('TooManyPublicKeysInKeyGroup')
    // Not said by the documentation; refused here, so that nothing depends on it.
    if (items.length === 0) throw new AwsFault('InvalidArgument')
    if (items.some((key) => !this.keys.has(key))) throw new AwsFault('InvalidArgument')
    const before = this.groups.get(id)
    const addedAt = new Map(items.map((key) => [key, before?.addedAt.get(key) ?? now]))
    const names = { id, name: textOf(config, 'Name'), comment: textOf(config, 'Comment') }
    const group = { ...names, items: [...items], addedAt, modifiedAt: now, etag: `E${this.#next()}` }
    this.#change(now, () => this.groups.set(id, group))
    this.onGroupChange(before?.items ?? [], items)
    return group
  }

  #change(now: number, change: () => void): void {
    change()
    this.#past.push({ at: now, keys: [...this.keys.values()], groups: [...this.groups.values()] })
    if (this.#past.length > 60) this.#past.shift()
  }

  #listed(now: number): Lists {
    const at = now - this.#chance.lagMs()
    const empty = { at: 0, keys: [], groups: [] }
    return this.#past.findLast((lists) => lists.at <= at) ?? this.#past[0] ?? empty
  }

  #conflict(): AwsFault {
    return new AwsFault(this.#chance.conflict(), 412)
  }

  #key(input: Input): PublicKey {
    const key = this.keys.get(textOf(input, 'Id'))
    if (key === undefined) throw new AwsFault('NoSuchPublicKey', 404)
    return key
  }

  #group(input: Input): Group {
    const group = this.groups.get(textOf(input, 'Id'))
    if (group === undefined) throw new AwsFault('NoSuchResource', 404)
    return group
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }
}

function answer({ id, name, comment, items, modifiedAt, etag }: Group) {
  const KeyGroupConfig = { Name: name, Comment: comment, Items: [...items] }
  return { KeyGroup: { Id: id, LastModifiedTime: new Date(modifiedAt), KeyGroupConfig }, ETag: etag }
}
