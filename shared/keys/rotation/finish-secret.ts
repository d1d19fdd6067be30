import { ServiceError } from '../../errors.ts'
import type { KeyRing } from '../key-ring.ts'
import { giveUp, type PendingRotation, readPending } from './pending.ts'
import { testSecret } from './test-secret.ts'

/**
 * Last step: makes the new document current. The old keys stay in it and in the group until the daily rule retires them, so
 * every cookie in use stays good.
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where the current document has something that the new one has not: it was changed
 *   since this rotation began, and that change must not be lost.
 */
export async function finishSecret(versionId: string, ring: KeyRing): Promise<void> {
  const rotation = await readPending(versionId, ring)
  if (rotation === undefined) return
  // Again: the steps come as events, and nothing but this one hurts when it comes too early.
  await testSecret(versionId, ring)
  if (losesSomething(rotation)) await giveUp(versionId, ring, 'the key document was changed since it began')
  if ((await ring.secret.makeCurrent(versionId, rotation.current.versionId)) === 'changed-meanwhile') {
    throw new ServiceError(
      'ERR_KEYS_ROTATION',
      `rotation ${versionId}: the secret was changed at the same moment; try again`,
    )
  }
  await ring.secret.dropPending(versionId)
  for (const { keyPairId, notBefore } of rotation.newKeys) {
    ring.report(`key ${keyPairId}: signs from ${new Date(notBefore * 1000).toISOString()}`)
  }
}

function losesSomething({ pending, current: { document } }: PendingRotation): boolean {
  return (
    pending.stampKey !== document.stampKey ||
    pending.sessionSecret !== document.sessionSecret ||
    !document.keys.every(({ keyPairId }) => pending.keys.some((key) => key.keyPairId === keyPairId))
  )
}
