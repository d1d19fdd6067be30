import { editKeyGroup } from '../edit-key-group.ts'
import type { KeyRing } from '../key-ring.ts'
import { giveUp, readPending } from './pending.ts'

/**
 * Second step: adds the new key to the key group, beside those that are there. Nobody signs with it yet.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where the group filled up since; `ERR_KEYS_ROTATION` where the public key was deleted.
 */
export async function setSecret(versionId: string, ring: KeyRing): Promise<void> {
  const rotation = await readPending(versionId, ring)
  if (rotation === undefined) return
  const published = new Set((await ring.trusted.listPublicKeys()).map(({ id }) => id))
  const added = rotation.newKeys.map(({ keyPairId }) => keyPairId)
  const gone = added.filter((id) => !published.has(id))
  // The version cannot be written again with another key: its text is fixed by its id.
  if (gone.length > 0) await giveUp(versionId, ring, `public key ${gone.join(', ')} does not exist any more`)
  await editKeyGroup(ring, (ids) => [...ids, ...added])
}
