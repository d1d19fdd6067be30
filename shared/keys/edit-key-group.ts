import { ServiceError } from '../errors.ts'
import { type KeyRing, requireKeyGroup } from './key-ring.ts'
import { type KeyGroup, mostKeysInGroup } from './trusted-keys.ts'

/** Two that change a group at once do so seldom; a third try in a row never failed for another reason. */
const tries = 4

/**
 * Changes the keys of the stage's group. A change made by somebody else at the same moment is kept: the group is read again.
 *
 * @returns the group as it is now.
 * @throws ServiceError `ERR_KEYS_LIMIT` where it would hold more than five keys.
 */
export async function editKeyGroup(
  ring: KeyRing,
  edit: (keyPairIds: readonly string[]) => readonly string[],
): Promise<KeyGroup> {
  for (let tried = 0; tried < tries; tried++) {
    const group = await requireKeyGroup(ring)
    const wanted = [...new Set(edit(group.keyPairIds))]
    const same = wanted.length === group.keyPairIds.length && wanted.every((id) => group.keyPairIds.includes(id))
    if (same) return group
    if (wanted.length > mostKeysInGroup) throw groupIsFull(group)
    if ((await ring.trusted.updateKeyGroup(group, wanted)) === 'updated') {
      ring.report(`key group ${group.id}: holds ${wanted.join(', ')}`)
      return requireKeyGroup(ring)
    }
  }
  throw new ServiceError('ERR_KEYS_ROTATION', 'the key group is being changed by somebody else: try again')
}

/** The error for a group that has no room for a further key. */
export function groupIsFull(group: KeyGroup): ServiceError {
  return new ServiceError(
    'ERR_KEYS_LIMIT',
    `key group ${group.id} holds ${group.keyPairIds.length} keys, and CloudFront allows ${mostKeysInGroup}: keys are retired a day ` +
      'after their successor became usable. Wait, or take a key that is not ours out of the group',
  )
}
