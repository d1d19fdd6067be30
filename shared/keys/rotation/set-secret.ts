import { EdgeSignerError } from '../../errors.ts'
import { editKeyGroup } from '../edit-key-group.ts'
import { type KeyRing, requireKeyGroup } from '../key-ring.ts'
import { trustedLabel } from '../key-secret.ts'
import { giveUp, isUpToDate, readPending } from './pending.ts'

/**
 * Second step: adds the key of this rotation to the key group, beside those that are there. Nobody signs with it yet.
 *
 * Only that key is added. The pending document is as old as the rotation: another key in it may have been withdrawn since. The
 * key itself is added once: where the label says that it was, and the group does not have it, an operator took it out.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where the group filled up since; `ERR_KEYS_ROTATION` where the public key was deleted or
 *   withdrawn, or the document was changed.
 */
export async function setSecret(versionId: string, ring: KeyRing): Promise<void> {
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
