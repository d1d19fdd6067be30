import { ConcurrentChangeError } from '../../operations/retry.ts'
import type { KeyRing } from '../key-ring.ts'
import { giveUp, isUpToDate, readPending } from './pending.ts'
import { testSecret } from './test-secret.ts'

/**
 * Last step: makes the new document current. The old keys stay in it and in the group until the daily rule retires them, so
 * every cookie in use stays good.
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where the document was changed since this rotation began: that change must not be
 *   lost.
 */
export async function finishSecret(versionId: string, ring: KeyRing): Promise<void> {
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
