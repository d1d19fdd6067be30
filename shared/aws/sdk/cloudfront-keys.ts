import {
  type KeyGroup as AwsKeyGroup,
  type CloudFrontClient,
  CreateKeyGroupCommand,
  CreatePublicKeyCommand,
  DeleteKeyGroupCommand,
  DeletePublicKeyCommand,
  GetKeyGroupCommand,
  GetPublicKeyCommand,
  ListKeyGroupsCommand,
  ListPublicKeysCommand,
  UpdateKeyGroupCommand,
} from '@aws-sdk/client-cloudfront'
import { ServiceError } from '../../errors.ts'
import type { KeyGroup, PublishedKey, TrustedKeys } from '../../keys/trusted-keys.ts'
import { ConcurrentChangeError } from '../../operations/retry.ts'
import { epochSeconds, promised, type SendOptions, unlessRefused } from './secrets-manager-secret.ts'

/** CloudFront's names for an `ETag` that is not the current one. */
const conflicts = ['PreconditionFailed', 'InvalidIfMatchVersion']

/**
 * CloudFront's public keys and key groups through the SDK. Every change names the `ETag` that it is based on, so that two who
 * change a group at once do not undo each other's work.
 * https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateKeyGroup.html
 */
export function createCloudFrontKeys(client: CloudFrontClient, options: SendOptions = {}): TrustedKeys {
  /** Ids of groups that were seen, by name. A list may be older than the one before; a group is read by its id as it is. */
  const seenGroups = new Map<string, string>()

  async function listPublicKeys(): Promise<PublishedKey[]> {
    const keys: PublishedKey[] = []
    let Marker: string | undefined
    do {
      const command = new ListPublicKeysCommand({ ...(Marker && { Marker }) })
      const { PublicKeyList } = await client.send(command, options)
      for (const item of PublicKeyList?.Items ?? []) {
        const { Id, Name = '', Comment = '', EncodedKey = '', CreatedTime } = item
        keys.push({
          ...{ id: promised(Id, 'ListPublicKeys'), name: Name, comment: Comment, pem: EncodedKey },
          createdAt: epochSeconds(CreatedTime, 'ListPublicKeys'),
        })
      }
      Marker = PublicKeyList?.NextMarker
    } while (Marker)
    return keys
  }

  async function readKeyGroup(id: string): Promise<KeyGroup | undefined> {
    const answer = await unlessRefused(
      client.send(new GetKeyGroupCommand({ Id: id }), options),
      ['NoSuchResource'],
      null,
    )
    return answer === null ? undefined : keyGroup(answer.KeyGroup, answer.ETag)
  }

  return {
    listPublicKeys,
    async createPublicKey({ name, comment, pem }) {
      // The name is made from the key, so it serves as `CallerReference`: a repeated call means the same key.
      const command = new CreatePublicKeyCommand({
        PublicKeyConfig: { CallerReference: name, Name: name, EncodedKey: pem, Comment: comment },
      })
      try {
        const { PublicKey } = await client.send(command, options)
        const createdAt = epochSeconds(PublicKey?.CreatedTime, 'CreatePublicKey')
        return { id: promised(PublicKey?.Id, 'CreatePublicKey'), name, comment, pem, createdAt }
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (error.name === 'TooManyPublicKeys') {
          throw new ServiceError(
            'ERR_KEYS_LIMIT',
            'the account holds no more CloudFront public keys: delete unused ones, or have the quota raised',
          )
        }
        if (error.name !== 'PublicKeyAlreadyExists') throw error
        const same = (await listPublicKeys()).find((key) => key.name === name)
        if (same !== undefined) return same
        throw new ConcurrentChangeError('ERR_KEYS_UNAVAILABLE', `public key ${name} is not listed yet: deploy again`)
      }
    },
    async findPublicKey(Id) {
      const answer = await unlessRefused(
        client.send(new GetPublicKeyCommand({ Id }), options),
        ['NoSuchPublicKey'],
        null,
      )
      if (answer === null) return undefined
      const { Name = '', Comment = '', EncodedKey = '' } = answer.PublicKey?.PublicKeyConfig ?? {}
      const createdAt = epochSeconds(answer.PublicKey?.CreatedTime, 'GetPublicKey')
      return { id: Id, name: Name, comment: Comment, pem: EncodedKey, createdAt }
    },
    async deletePublicKey(Id) {
      const key = await unlessRefused(client.send(new GetPublicKeyCommand({ Id }), options), ['NoSuchPublicKey'], null)
      if (key === null) return 'deleted'
      const command = new DeletePublicKeyCommand({ Id, IfMatch: key.ETag })
      const answer = client.send(command, options).then(() => 'deleted' as const)
      const gone = unlessRefused(answer, ['NoSuchPublicKey'], 'deleted' as const)
      return unlessRefused(gone, ['PublicKeyInUse', ...conflicts], 'in-use' as const)
    },
    async findKeyGroup(name) {
      const seen = seenGroups.get(name)
      const same = seen === undefined ? undefined : await readKeyGroup(seen)
      if (same?.name === name) return same
      seenGroups.delete(name)
      let Marker: string | undefined
      do {
        const { KeyGroupList } = await client.send(new ListKeyGroupsCommand({ ...(Marker && { Marker }) }), options)
        const found = KeyGroupList?.Items?.find(({ KeyGroup }) => KeyGroup?.KeyGroupConfig?.Name === name)?.KeyGroup
        // Read by itself: the list has no ETag.
        if (found?.Id !== undefined) {
          seenGroups.set(name, found.Id)
          return readKeyGroup(found.Id)
        }
        Marker = KeyGroupList?.NextMarker
      } while (Marker)
      return undefined
    },
    async createKeyGroup({ name, comment, keyPairIds }) {
      const config = { Name: name, Comment: comment, Items: [...keyPairIds] }
      const answer = await unlessRefused(
        client.send(new CreateKeyGroupCommand({ KeyGroupConfig: config }), options),
        ['KeyGroupAlreadyExists'],
        null,
      )
      if (answer === null) return 'exists'
      const made = keyGroup(answer.KeyGroup, answer.ETag)
      seenGroups.set(name, made.id)
      return made
    },
    async updateKeyGroup({ id, name, comment, version }, keyPairIds) {
      const config = { Name: name, Comment: comment, Items: [...keyPairIds] }
      const command = new UpdateKeyGroupCommand({ Id: id, IfMatch: version, KeyGroupConfig: config })
      const answer = await unlessRefused(client.send(command, options), conflicts, null)
      return answer === null ? 'changed-meanwhile' : 'updated'
    },
    async deleteKeyGroup({ id, version }) {
      const command = new DeleteKeyGroupCommand({ Id: id, IfMatch: version })
      const refusals = ['ResourceInUse', 'NoSuchResource', ...conflicts]
      if ((await unlessRefused(client.send(command, options), refusals, null)) !== null) return 'deleted'
      const there = await readKeyGroup(id)
      if (there === undefined) return 'deleted'
      return there.version === version ? 'in-use' : 'changed-meanwhile'
    },
  }
}

function keyGroup(group: AwsKeyGroup | undefined, version: string | undefined): KeyGroup {
  const config = promised(group?.KeyGroupConfig, 'GetKeyGroup')
  return {
    id: promised(group?.Id, 'GetKeyGroup'),
    name: config.Name ?? '',
    comment: config.Comment ?? '',
    keyPairIds: config.Items ?? [],
    version: promised(version, 'GetKeyGroup'),
    modifiedAt: epochSeconds(group?.LastModifiedTime, 'GetKeyGroup'),
  }
}
