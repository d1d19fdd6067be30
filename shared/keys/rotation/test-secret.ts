import { createPublicKey, sign, verify } from 'node:crypto'
import { ServiceError } from '../../errors.ts'
import type { SigningKey } from '../key-document.ts'
import { type KeyRing, readCurrent, requireKeyGroup } from '../key-ring.ts'
import type { KeyGroup } from '../trusted-keys.ts'
import { giveUp, readPending } from './pending.ts'

/**
 * Third step: makes sure that the new key will be accepted everywhere by the time that it signs. CloudFront holds exactly its
 * public key, the group names it, a signature verifies, and from the last change of the group to its first use there is the
 * time that CloudFront needs.
 *
 * The wait is in the key's `notBefore` and takes nobody's time. Only a rotation that was left lying between its steps has to
 * wait here, by failing; Secrets Manager comes again.
 */
export async function testSecret(versionId: string, ring: KeyRing): Promise<void> {
  const rotation = await readPending(versionId, ring)
  // The trial run when a schedule is set: what can be tested is that everything is there.
  if (rotation === undefined) return void (await Promise.all([readCurrent(ring), requireKeyGroup(ring)]))
  const key = rotation.newKey
  if (key === undefined) return
  const pem = (await ring.trusted.findPublicKey(key.keyPairId))?.pem
  if (pem === undefined || !signatureVerifies(key, pem)) {
    await giveUp(versionId, ring, `CloudFront does not hold public key ${key.keyPairId} as it was made`)
  }
  const group = await requireKeyGroup(ring)
  if (!group.keyPairIds.includes(key.keyPairId)) {
    throw new ServiceError('ERR_KEYS_ROTATION', `key ${key.keyPairId} is not in the group: run setSecret again`)
  }
  requireTime(key, group, ring)
}

function signatureVerifies(key: SigningKey, pem: string): boolean {
  if (key.privateKey === undefined) return false
  const digest = key.algorithm === 'RS1' ? 'sha1' : 'sha256'
  const probe = Buffer.from(`{"Statement":[{"Resource":"${key.keyPairId}"}]}`)
  return verify(digest, probe, createPublicKey(pem), sign(digest, probe, key.privateKey))
}

/** Without it cookies would be signed with a key that some edge locations do not know: refused there, for every viewer. */
function requireTime({ keyPairId, notBefore }: SigningKey, group: KeyGroup, { now, times }: KeyRing): void {
  const usable = group.modifiedAt + times.propagation
  // The group's time is CloudFront's, `now` is ours and may run ahead.
  if (Math.max(now - times.clockSkew, notBefore) >= usable) return
  throw new ServiceError(
    'ERR_KEYS_ROTATION',
    `key ${keyPairId} is not known everywhere yet: the rotation can go on at ${new Date(usable * 1000).toISOString()}`,
  )
}
