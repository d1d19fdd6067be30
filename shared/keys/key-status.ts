import { newestUsableKey, type SigningKey } from './key-document.ts'
import {
  type KeyRing,
  keyGroupName,
  latestKey,
  readCurrent,
  readPublishedKeys,
  requireKeyGroup,
  requireSecret,
} from './key-ring.ts'
import { type KeyFate, planMaintenance, retiresAt } from './maintenance-plan.ts'
import { maxKeysInGroup } from './trusted-keys.ts'

/** Role of a key at a moment. */
export type KeyRole =
  /** It signs. */
  | 'signing'
  /** It will sign at `notBefore`, when every edge location knows it. */
  | 'waiting'
  /** It signs no more; what it signed is still accepted. */
  | 'verifying'
  /** The next run of the daily rule takes it away. */
  | 'leaving'

/** One key, for an operator to read. No secret. */
export interface KeyStatus {
  readonly keyPairId: string
  readonly algorithm: SigningKey['algorithm']
  readonly role: KeyRole
  /** Epoch seconds. */
  readonly notBefore: number
  /** Epoch seconds; `undefined` while no newer key is there. */
  readonly retiresAt: number | undefined
  readonly fate: KeyFate
}

/** The keys of a stage, for an operator to read. */
export interface KeyRingStatus {
  readonly keyGroupId: string
  readonly keys: readonly KeyStatus[]
  /** Version of a rotation that has begun and not ended. */
  readonly rotation: string | undefined
  /** Faults, each with what to do; empty if all is well. */
  readonly faults: readonly string[]
}

/**
 * Looks at a stage's keys and changes nothing.
 *
 * @throws ServiceError `ERR_KEYS_…` where there is nothing to look at, with what to do.
 */
export async function readKeyStatus(ring: KeyRing): Promise<KeyRingStatus> {
  const { current, pending } = await requireSecret(ring)
  const { document, writtenAt } = await readCurrent(ring)
  const group = await requireKeyGroup(ring)
  const published = await readPublishedKeys(ring, [
    ...group.keyPairIds,
    ...document.keys.map(({ keyPairId }) => keyPairId),
  ])
  const plan = planMaintenance({ document, writtenAt, group, published, mark: ring.secret.id }, ring)
  const signing = document.keys.some(({ notBefore }) => notBefore <= ring.now)
    ? newestUsableKey(document, ring.now)
    : undefined
  const keys = [...plan.fates].map(([key, fate]) => ({
    keyPairId: key.keyPairId,
    algorithm: key.algorithm,
    role: roleOf(key, fate, signing, ring.now),
    notBefore: key.notBefore,
    retiresAt: retiresAt(key, document.keys, ring.times),
    fate,
  }))
  const faults = keys
    .filter(({ fate }) => fate === 'withdrawn' || fate === 'mismatched')
    .map(({ keyPairId, fate }) =>
      fate === 'withdrawn'
        ? `key ${keyPairId} is not in ${keyGroupName(ring.name)}: the daily rule drops it; deploy to do so now`
        : `key ${keyPairId} is the id of another public key: the daily rule drops it; deploy to do so now`,
    )
  if (latestKey(plan.keys) === undefined) faults.push('no key can sign: deploy now, a new one is made')
  const { broughtForward } = plan
  if (broughtForward !== undefined && broughtForward.notBefore > ring.now) {
    const until = new Date(broughtForward.notBefore * 1000).toISOString()
    faults.push(`no key can sign until ${until}: deploy now, and ${broughtForward.keyPairId} signs at once`)
  }
  if (plan.foreign.length > 0) faults.push(`${plan.foreign.join(', ')} in the key group is not ours: take it out`)
  if (group.keyPairIds.length >= maxKeysInGroup) faults.push('the key group is full: no rotation until a key retires')
  return { keyGroupId: group.id, keys, rotation: pending === current ? undefined : pending, faults }
}

function roleOf(key: SigningKey, fate: KeyFate, signing: SigningKey | undefined, now: number): KeyRole {
  return fate === 'kept' ? roleOfTrusted(key, signing, now) : 'leaving'
}

/** Returns the role of a key that is not about to be removed. */
export function roleOfTrusted(key: SigningKey, signing: SigningKey | undefined, now: number): KeyRole {
  if (key === signing) return 'signing'
  return key.notBefore > now ? 'waiting' : 'verifying'
}
