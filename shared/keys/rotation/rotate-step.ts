import { createPublicKey, sign, verify } from 'node:crypto'
import { EdgeSignerError, ServiceError } from '../../errors.ts'
import { ConcurrentChangeError } from '../../operations/retry.ts'
import { parseKeyDocument, type SigningKey, serializeKeyDocument } from '../key-document.ts'
import {
  editKeyGroup,
  groupIsFull,
  type KeyRing,
  readCurrent,
  repeatWhenOvertaken,
  requireKeyGroup,
  requireSecret,
} from '../key-ring.ts'
import { trustedLabel } from '../key-secret.ts'
import { firstUse, refuseKmsKeys, withNewKey } from '../publish-key.ts'
import { type KeyGroup, maxKeysInGroup } from '../trusted-keys.ts'
import { giveUp, isUpToDate, readPending } from './pending.ts'

/**
 * The four steps in which Secrets Manager rotates a secret, in order. Each may be run again, also after a later one.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 */
export const rotationSteps = { createSecret, setSecret, testSecret, finishSecret } as const

/** The name of a step, as it comes in the event. */
export type RotationStep = keyof typeof rotationSteps

/** Returns true if a text is the name of a step. */
export function isRotationStep(step: unknown): step is RotationStep {
  return typeof step === 'string' && Object.hasOwn(rotationSteps, step)
}

/**
 * Runs one step of the rotation that makes the secret's version `versionId`.
 *
 * @throws ServiceError `ERR_KEYS_…` with what to do; Secrets Manager then runs the rotation again.
 */
export function rotateStep(step: RotationStep, versionId: string, ring: KeyRing): Promise<void> {
  return repeatWhenOvertaken(ring, () => rotationSteps[step](versionId, ring))
}

/**
 * First step: makes a key pair, publishes its public key, and writes the document that has it as pending version. The new key
 * may sign only when every edge location knows it.
 *
 * Run again, it keeps the version that is there. Cut off before the version is written, it leaves a public key that is in no
 * group; the daily rule removes it.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where the group has no room for a fifth successor.
 */
async function createSecret(versionId: string, ring: KeyRing): Promise<void> {
  const { current } = await requireSecret(ring)
  if (current === versionId) return
  const own = await ring.secret.read(versionId)
  if (own !== undefined) {
    parseKeyDocument(own.json)
    return
  }
  const { document } = await readCurrent(ring)
  refuseKmsKeys(document.keys)
  const group = await requireKeyGroup(ring)
  // Before a key is made: a public key that fits into no group would use up the account's ten.
  if (group.keyPairIds.length >= maxKeysInGroup) throw groupIsFull(group)
  const use = (key: SigningKey) =>
    ring.secret.addPending(versionId, serializeKeyDocument({ ...document, keys: [...document.keys, key] }))
  await withNewKey(ring, firstUse(ring, document.keys), use, undefined)
}

/**
 * Second step: adds the key of this rotation to the key group, beside those that are there. Nobody signs with it yet.
 *
 * Only that key is added. The pending document is as old as the rotation: another key in it may have been withdrawn since. The
 * key itself is added once: where the label says that it was, and the group does not have it, an operator took it out.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where the group filled up since; `ERR_KEYS_ROTATION` where the public key was deleted or
 *   withdrawn, or the document was changed.
 */
async function setSecret(versionId: string, ring: KeyRing): Promise<void> {
  const rotation = await readPending(versionId, ring)
  if (rotation === undefined) return
  if (!isUpToDate(rotation)) await giveUp(versionId, ring, 'the key document was changed since it began')
  const id = rotation.newKey?.keyPairId
  if (id === undefined) return
  // The version cannot be written again with another key: its text is fixed by its id.
  if ((await ring.trusted.findPublicKey(id)) === undefined) {
    await giveUp(versionId, ring, `public key ${id} does not exist any more`)
  }
  const { trusted } = rotation.description
  if (trusted === versionId) {
    const { keyPairIds } = await requireKeyGroup(ring)
    if (!keyPairIds.includes(id)) await giveUp(versionId, ring, `key ${id} was taken out of the key group`)
    return
  }
  await ring.secret.markTrusted(versionId, trusted)
  try {
    await editKeyGroup(ring, (ids) => [...ids, id])
  } catch (error) {
    // Refused, so not added: the step may be run again. After any other error the key may be in the group.
    if (error instanceof EdgeSignerError) await ring.secret.dropLabel(trustedLabel, versionId).catch(() => undefined)
    throw error
  }
}

/**
 * Last step: makes the new document current. The old keys stay in it and in the group until the daily rule retires them, so
 * every cookie in use stays good.
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where the document was changed since this rotation began: that change must not be
 *   lost.
 */
async function finishSecret(versionId: string, ring: KeyRing): Promise<void> {
  const rotation = await readPending(versionId, ring)
  if (rotation === undefined) return
  // Again: the steps come as events, and nothing but this one hurts when it comes too early.
  await testSecret(versionId, ring)
  if (!isUpToDate(rotation)) await giveUp(versionId, ring, 'the key document was changed since it began')
  if ((await ring.secret.makeCurrent(versionId, rotation.current.versionId)) === 'changed-meanwhile') {
    throw new ConcurrentChangeError(
      'ERR_KEYS_ROTATION',
      `rotation ${versionId}: the secret was changed at the same moment; try again`,
    )
  }
  const { newKey } = rotation
  if (newKey !== undefined) {
    ring.report(`key ${newKey.keyPairId}: signs from ${new Date(newKey.notBefore * 1000).toISOString()}`)
  }
  // The rotation is done. A label that stays is taken away before the document changes again.
  await ring.secret
    .dropLabel('AWSPENDING', versionId)
    .catch(() => ring.report(`rotation ${versionId}: AWSPENDING stays on it for now`))
}

/**
 * Third step: makes sure that the new key will be accepted everywhere by the time that it signs. CloudFront holds exactly its
 * public key, the group names it, a signature verifies, and from the last change of the group to its first use there is the
 * time that CloudFront needs.
 *
 * The wait is in the key's `notBefore` and takes nobody's time. Only a rotation that was left lying between its steps has to
 * wait here, by failing; Secrets Manager comes again.
 */
async function testSecret(versionId: string, ring: KeyRing): Promise<void> {
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
