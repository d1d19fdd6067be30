import { ConfigError, ServiceError } from '../errors.ts'
import { type ConvergingPlace, convergePlace } from '../operations/converge.ts'
import {
  type BackOffLimits,
  type Clock,
  ConcurrentChangeError,
  isConcurrentChange,
  retry,
  startBackOff,
} from '../operations/retry.ts'
import type { KeyAlgorithm } from './key-algorithm.ts'
import { type KeyDocument, parseKeyDocument, type SigningKey } from './key-document.ts'
import type { KeySecret, SecretDescription } from './key-secret.ts'
import type { KeyTimes } from './key-times.ts'
import { type KeyGroup, maxKeysInGroup, type PublishedKey, type TrustedKeys } from './trusted-keys.ts'

/** Everything that work on a stage's keys needs: where they lie, what kind they are, what time it is. */
export interface KeyRing {
  /** `<service>-<stage>`: names in CloudFront start with it. */
  readonly name: string
  readonly secret: KeySecret
  readonly trusted: TrustedKeys
  /** The algorithm of new keys. */
  readonly algorithm: KeyAlgorithm
  readonly times: KeyTimes
  /** Epoch seconds. */
  readonly now: number
  /** Paces what is tried again. */
  readonly clock: Clock
  /** Receives one line for each change; never a secret. */
  readonly report: (line: string) => void
}

/** How long a change that another writer overtook is tried again. */
export const overtaken: BackOffLimits = { firstMs: 200, maxMs: 5000, totalMs: 20_000 }
/** How long a key group that is not listed is looked for. */
const unlisted: BackOffLimits = { firstMs: 200, maxMs: 2000, totalMs: 10_000 }

/** Repeats work that begins with a read and that another writer overtook. */
export function repeatWhenOvertaken<T>({ clock }: KeyRing, work: () => Promise<T>): Promise<T> {
  return retry(work, isConcurrentChange, overtaken, clock)
}

/** The current key document and the version that it is. */
export interface CurrentDocument {
  readonly document: KeyDocument
  readonly versionId: string
  /** Epoch seconds. */
  readonly writtenAt: number
}

/** Name of the one key group of a stage. */
export function keyGroupName(ringName: string): string {
  return `${ringName}-keys`
}

/**
 * The secret's description.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE` where there is none, or it is marked for deletion.
 */
export async function requireSecret({ secret }: KeyRing): Promise<SecretDescription> {
  const description = await secret.describe()
  if (description === undefined) {
    throw new ServiceError(
      'ERR_KEYS_UNAVAILABLE',
      `secret ${secret.id} does not exist: deploy the stack, which makes it`,
    )
  }
  if (description.markedForDeletion) {
    throw new ServiceError('ERR_KEYS_UNAVAILABLE', `secret ${secret.id} is marked for deletion: deploy the stack again`)
  }
  return description
}

/**
 * The current document.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where the secret is half-written or damaged, with the way back.
 */
export async function readCurrent(ring: KeyRing): Promise<CurrentDocument> {
  const { current } = await requireSecret(ring)
  const version = current === undefined ? undefined : await ring.secret.read(current)
  if (version === undefined) {
    throw new ServiceError(
      'ERR_KEYS_INVALID',
      `secret ${ring.secret.id} holds no text: deploy the stack again to fill it`,
    )
  }
  try {
    return { document: parseKeyDocument(version.json), versionId: version.id, writtenAt: version.createdAt }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    // Not repaired by itself: what is damaged may be the only copy of the session secret.
    throw new ServiceError(
      'ERR_KEYS_INVALID',
      `secret ${ring.secret.id}: ${error.message}. Move AWSCURRENT back to the version labelled AWSPREVIOUS (docs/keys.md, "A damaged document")`,
    )
  }
}

/**
 * The stage's key group. CloudFront's list lags behind, so a group that is missing from it is looked for again.
 *
 * @throws ServiceError `ERR_KEYS_UNAVAILABLE` where there is none; ConfigError where the name belongs to somebody else.
 */
export async function requireKeyGroup(ring: KeyRing): Promise<KeyGroup> {
  const missing = new ServiceError(
    'ERR_KEYS_UNAVAILABLE',
    `key group ${keyGroupName(ring.name)} does not exist: deploy the stack again, which makes it`,
  )
  const look = async () => {
    const group = await findOwnKeyGroup(ring)
    if (group === undefined) throw missing
    return group
  }
  return retry(look, (error) => error === missing, unlisted, ring.clock)
}

/** The stage's key group, if there is one. @throws ConfigError where the name belongs to somebody else. */
export async function findOwnKeyGroup({ name, secret, trusted }: KeyRing): Promise<KeyGroup | undefined> {
  const group = await trusted.findKeyGroup(keyGroupName(name))
  // `a` with stage `b-c` and `a-b` with stage `c` have one name; the comment tells them apart.
  if (group !== undefined && group.comment !== secret.id) {
    throw new ConfigError(
      `key group ${group.name} (${group.id}) does not belong to ${secret.id}: choose another service or stage name`,
    )
  }
  return group
}

/**
 * The public keys of the account, and certainly those with the given ids: what the list lacks is asked for by its id, because a
 * key that was made a moment ago is not listed yet, and must not count as deleted.
 */
export async function readPublishedKeys({ trusted }: KeyRing, ids: Iterable<string>): Promise<readonly PublishedKey[]> {
  const keys = new Map((await trusted.listPublicKeys()).map((key) => [key.id, key]))
  for (const id of ids) {
    const missing = keys.has(id) ? undefined : await trusted.findPublicKey(id)
    if (missing !== undefined) keys.set(id, missing)
  }
  return [...keys.values()]
}

/**
 * The ids that a usable document names, the current one or that of a rotation under way. A key among them must not be deleted:
 * it signs, or it will.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where a document cannot be read.
 */
export async function readNamedKeyIds({ secret }: KeyRing): Promise<ReadonlySet<string>> {
  const description = await secret.describe()
  const ids = new Set<string>()
  if (description === undefined || description.markedForDeletion) return ids
  for (const versionId of [description.current, description.pending]) {
    const version = versionId === undefined ? undefined : await secret.read(versionId)
    for (const key of version === undefined ? [] : parseKeyDocument(version.json).keys) ids.add(key.keyPairId)
  }
  return ids
}

/** The key with the latest `notBefore`, whether its time has come or not. */
export function latestKey(keys: readonly SigningKey[]): SigningKey | undefined {
  return keys.reduce<SigningKey | undefined>(
    (latest, key) => (latest !== undefined && latest.notBefore >= key.notBefore ? latest : key),
    undefined,
  )
}

/**
 * Changes the keys of the stage's group. A change that another writer makes at the same moment is kept: the group is read again,
 * and `edit` is applied to what it holds then.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where it would hold more than five keys; ConcurrentChangeError where other writers keep
 *   changing it.
 */
export async function editKeyGroup(
  ring: KeyRing,
  edit: (keyPairIds: readonly string[]) => readonly string[],
): Promise<void> {
  const place: ConvergingPlace<KeyGroup, readonly string[]> = {
    load: () => requireKeyGroup(ring),
    plan(group) {
      const wanted = [...new Set(edit(group.keyPairIds))]
      const isSame = wanted.length === group.keyPairIds.length && wanted.every((id) => group.keyPairIds.includes(id))
      if (isSame) return undefined
      if (wanted.length > maxKeysInGroup) throw groupIsFull(group)
      return wanted
    },
    async write(wanted, group) {
      if ((await ring.trusted.updateKeyGroup(group, wanted)) === 'changed-meanwhile') return 'changed-meanwhile'
      ring.report(`key group ${group.id}: holds ${wanted.join(', ')}`)
      return 'written'
    },
  }
  await convergePlace(place, {
    backOff: startBackOff(overtaken, ring.clock),
    busy: () =>
      new ConcurrentChangeError('ERR_KEYS_ROTATION', 'the key group is being changed by another run: try again'),
  })
}

/** The error for a group that has no room for a further key. */
export function groupIsFull(group: KeyGroup): ServiceError {
  return new ServiceError(
    'ERR_KEYS_LIMIT',
    `key group ${group.id} holds ${group.keyPairIds.length} keys, and CloudFront allows ${maxKeysInGroup}: keys are retired a day ` +
      'after their successor became usable. Wait, or take a key that is not ours out of the group',
  )
}
