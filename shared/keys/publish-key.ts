import { ServiceError } from '../errors.ts'
import type { SigningKey } from './key-document.ts'
import {
  editKeyGroup,
  findOwnKeyGroup,
  type KeyRing,
  latestKey,
  readNamedKeyIds,
  repeatWhenOvertaken,
} from './key-ring.ts'
import { waitingTime } from './key-times.ts'
import { makeKeyPair, publicKeyFingerprint, publicKeyPem, signingKey } from './make-key-pair.ts'
import type { NewPublicKey } from './trusted-keys.ts'

/** A public key that a run makes. The id is known once CloudFront has answered. */
export interface MadeKey {
  readonly name: string
  id?: string
}

/**
 * Makes a key pair, tells CloudFront its public half, and has `use` put the key to its place: a group, a document. Where `use`
 * fails, the public key is taken back, unless a document names it: then the failure came after the step that counts, or its
 * outcome is unknown, and the key may be signing.
 *
 * Taking back is best-effort. A public key that stays behind is removed by the daily rule.
 *
 * @param notBefore epoch seconds from which on the key may sign.
 * @param note receives the key before CloudFront is called, for an undo list that outlives this call.
 */
export async function withNewKey<T>(
  ring: KeyRing,
  notBefore: number,
  use: (key: SigningKey) => Promise<T>,
  note: ((made: MadeKey) => void) | undefined,
): Promise<T> {
  const pair = makeKeyPair(ring.algorithm)
  const made: MadeKey = { name: `${ring.name}-${publicKeyFingerprint(pair.publicKey)}` }
  const wanted: NewPublicKey = { name: made.name, comment: ring.secret.id, pem: publicKeyPem(pair.publicKey) }
  note?.(made)
  try {
    const { id } = await repeatWhenOvertaken(ring, () => ring.trusted.createPublicKey(wanted))
    made.id = id
    ring.report(`public key ${id}: made (${ring.algorithm})`)
    return await use(signingKey(pair, id, notBefore))
  } catch (error) {
    await takeBackKey(ring, made).catch(() => ring.report(`public key ${made.id ?? made.name}: not taken back yet`))
    throw error
  }
}

/**
 * Takes a public key out of the group and deletes it, unless a document names it. A group that holds no other key goes with it.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where a document cannot be read; the key stays then.
 */
export async function takeBackKey(ring: KeyRing, { name, id }: MadeKey): Promise<'deleted' | 'in-use'> {
  const found = id ?? (await ring.trusted.listPublicKeys()).find((key) => key.name === name)?.id
  if (found === undefined) return 'deleted'
  if ((await readNamedKeyIds(ring)).has(found)) return 'in-use'
  const group = await findOwnKeyGroup(ring)
  if (group?.keyPairIds.includes(found)) {
    if (group.keyPairIds.length > 1) await editKeyGroup(ring, (ids) => ids.filter((other) => other !== found))
    else if ((await ring.trusted.deleteKeyGroup(group)) !== 'deleted') return 'in-use'
  }
  return ring.trusted.deletePublicKey(found)
}

/**
 * When a key may start to sign where no other can: at once, also by a clock that runs behind. Nobody can be refused who is not
 * refused already.
 */
export function useAtOnce({ now, times }: Pick<KeyRing, 'now' | 'times'>): number {
  return now - 2 * times.clockSkew
}

/**
 * When a key that is added to a group now may start to sign. Always after every key that is there, so that it will be the
 * newest one even if an earlier clock ran ahead.
 */
export function firstUse({ now, times }: KeyRing, keys: readonly SigningKey[]): number {
  return Math.max(now + waitingTime(times), (latestKey(keys)?.notBefore ?? 0) + 1)
}

/**
 * Refuses to add a readable key beside one in KMS: an operator who keeps keys there does not want one that can be read.
 *
 * @throws ServiceError `ERR_KEYS_ROTATION`.
 */
export function refuseKmsKeys(keys: readonly SigningKey[]): void {
  const held = keys.find(({ kmsKeyId }) => kmsKeyId !== undefined)
  if (held === undefined) return
  throw new ServiceError(
    'ERR_KEYS_ROTATION',
    `key ${held.keyPairId} is held in KMS and is rotated by hand: docs/keys.md, "Keys in KMS"`,
  )
}
