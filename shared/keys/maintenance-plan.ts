import type { KeyDocument, SigningKey } from './key-document.ts'
import type { KeyRing } from './key-ring.ts'
import { type KeyTimes, retirementAge } from './key-times.ts'
import { publicKeyPem } from './make-key-pair.ts'
import { useAtOnce } from './publish-key.ts'
import type { KeyGroup, PublishedKey } from './trusted-keys.ts'

/** The present state: the document, and the keys in CloudFront. */
export interface KeyInventory {
  readonly document: KeyDocument
  /** Epoch seconds at which the document was written. */
  readonly writtenAt: number
  readonly group: KeyGroup
  /** Every public key of the account. */
  readonly published: readonly PublishedKey[]
  /** The secret's id: the mark of our keys in CloudFront. */
  readonly mark: string
}

/** Why a key leaves the document, or stays. */
export type KeyFate =
  /** In the group, and its signatures may be in use. */
  | 'kept'
  /** Its successor has been usable for longer than anything it signed. */
  | 'retired'
  /** Somebody took it out of the group or deleted it: it is not trusted again. */
  | 'withdrawn'
  /**
   * Of another algorithm than the stage's, and its time is still to come: it signed nothing. So a deploy that is rolled back
   * takes its own key back, instead of adding a third one.
   */
  | 'unused'
  /** Its id belongs to another public key: somebody edited the document. */
  | 'mismatched'

/** Steps that make document and CloudFront agree. */
export interface MaintenancePlan {
  readonly fates: ReadonlyMap<SigningKey, KeyFate>
  /** The keys that stay in the document, as they shall stand there. */
  readonly keys: readonly SigningKey[]
  /** The key of the document that shall sign at once instead of waiting, because no other can. */
  readonly broughtForward: SigningKey | undefined
  /** Ids that leave the group. */
  readonly leave: readonly string[]
  /** Public keys in no group that no document names: a run that was cut off left them. They can be deleted at once. */
  readonly abandoned: readonly string[]
  /** Public keys that can be deleted once the document does not name them and they have left the group. */
  readonly unpublish: readonly string[]
  /** Ids in the group that are not ours; they are left alone. */
  readonly foreign: readonly string[]
}

/** The kind of keys wanted, and the time. */
type Circumstances = Pick<KeyRing, 'algorithm' | 'times' | 'now'>

/** A public key that no document names yet may belong to a rotation that is just being written. */
const orphanAge = 3600

/** Returns true if a public key of the stage was left by a run that was cut off. For keys that no document names. */
export function isAbandonedKey(
  { id, comment, createdAt }: PublishedKey,
  { secret, now }: Pick<KeyRing, 'now'> & { readonly secret: { readonly id: string } },
  group: KeyGroup | undefined,
): boolean {
  return comment === secret.id && createdAt + orphanAge <= now && group?.keyPairIds.includes(id) !== true
}

/** Plans the upkeep of a stage's keys. It looks only; nothing here knows how to change anything. */
export function planMaintenance(inventory: KeyInventory, at: Circumstances): MaintenancePlan {
  const { times, now } = at
  const { document, group, published, mark, writtenAt } = inventory
  const fates = new Map(document.keys.map((key) => [key, fateOf(key, inventory, at)] as const))
  const staying = document.keys.filter((key) => fates.get(key) === 'kept')
  const broughtForward = staying.some((key) => key.notBefore <= useAtOnce(at)) ? undefined : earliestKey(staying)
  const keys = staying.map((key) => (key === broughtForward ? { ...key, notBefore: useAtOnce(at) } : key))
  const kept = new Set(keys.map(({ keyPairId }) => keyPairId))

  const ours = published.filter(({ comment, id }) => comment === mark && !kept.has(id))
  const dropped = ours.filter(({ id }) => document.keys.some(({ keyPairId }) => keyPairId === id))
  // Left by a rotation that came to no end. In the group it may have signed after labels were moved by hand: it stays for as
  // long as a signature lives after the document that does not know it was written.
  const unnamed = ours.filter(({ id }) => !dropped.some((key) => key.id === id))
  const outlived = unnamed.filter(
    ({ id, createdAt }) =>
      group.keyPairIds.includes(id) && Math.max(writtenAt, createdAt) + retirementAge(times) <= now,
  )
  const unpublish = [...dropped, ...outlived].map(({ id }) => id)
  const own = new Set(published.filter(({ comment }) => comment === mark).map(({ id }) => id))
  return {
    fates,
    keys,
    broughtForward,
    abandoned: unnamed.filter((key) => isAbandonedKey(key, { secret: { id: mark }, now }, group)).map(({ id }) => id),
    leave: group.keyPairIds.filter((id) => unpublish.includes(id)),
    unpublish,
    foreign: group.keyPairIds.filter((id) => !own.has(id) && !kept.has(id)),
  }
}

/** The key that CloudFront knows best: every other one waits longer. */
function earliestKey(keys: readonly SigningKey[]): SigningKey | undefined {
  return keys.reduce<SigningKey | undefined>(
    (earliest, key) => (earliest !== undefined && earliest.notBefore <= key.notBefore ? earliest : key),
    undefined,
  )
}

/** When a key may be retired, in epoch seconds; `undefined` for the newest. */
export function retiresAt(key: SigningKey, keys: readonly SigningKey[], times: KeyTimes): number | undefined {
  const successors = keys.filter((other) => other.notBefore > key.notBefore).map(({ notBefore }) => notBefore)
  return successors.length === 0 ? undefined : Math.min(...successors) + retirementAge(times)
}

function fateOf(key: SigningKey, { document, group, published }: KeyInventory, at: Circumstances): KeyFate {
  const there = published.find(({ id }) => id === key.keyPairId)
  if (there === undefined || !group.keyPairIds.includes(key.keyPairId)) return 'withdrawn'
  if (there.pem.trim() !== publicKeyPem(key.publicKey).trim()) return 'mismatched'
  if (key.algorithm !== at.algorithm && key.notBefore - at.times.clockSkew > at.now) return 'unused'
  const retirement = retiresAt(key, document.keys.filter(isTrusted(published, group)), at.times)
  return retirement !== undefined && retirement <= at.now ? 'retired' : 'kept'
}

/** A successor counts only where CloudFront accepts it, or a good key would be retired for one that cannot sign. */
function isTrusted(published: readonly PublishedKey[], group: KeyGroup): (key: SigningKey) => boolean {
  return ({ keyPairId, publicKey }) =>
    group.keyPairIds.includes(keyPairId) &&
    published.some(({ id, pem }) => id === keyPairId && pem.trim() === publicKeyPem(publicKey).trim())
}
