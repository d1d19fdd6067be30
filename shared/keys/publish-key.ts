import { ServiceError } from '../errors.ts'
import type { SigningKey } from './key-document.ts'
import { type KeyRing, latestKey } from './key-ring.ts'
import { waitingTime } from './key-times.ts'
import { makeKeyPair, publicKeyFingerprint, publicKeyPem, signingKey } from './make-key-pair.ts'

/** Makes a key pair and tells CloudFront its public half. The key may sign from `notBefore` (epoch seconds) on. */
export async function publishNewKey(ring: KeyRing, notBefore: number): Promise<SigningKey> {
  const pair = makeKeyPair(ring.algorithm)
  const { id } = await ring.trusted.createPublicKey({
    name: `${ring.name}-${publicKeyFingerprint(pair.publicKey)}`,
    comment: ring.secret.id,
    pem: publicKeyPem(pair.publicKey),
  })
  ring.report(`public key ${id}: made (${ring.algorithm})`)
  return signingKey(pair, id, notBefore)
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
 * Refuses to put a key of ours beside one that lives in KMS: whoever keeps keys there does not want one that can be read.
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
