import { ServiceError } from '../errors.ts'
import { ConcurrentChangeError } from '../operations/retry.ts'
import { type KeyRing, repeatWhenOvertaken, requireKeyGroup } from './key-ring.ts'
import { type KeyGroup, maxKeysInGroup } from './trusted-keys.ts'

/**
 * Changes the keys of the stage's group. A change that another writer makes at the same moment is kept: the group is read again,
 * and `edit` is applied to what it holds then.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where it would hold more than five keys; ConcurrentChangeError where other writers keep
 *   changing it.
 */
export async function editKeyGroup(
  ring: KeyRing,
  edit: (keyPairIds: readonly string[]) => readonly string[],
): Promise<void> {
  await repeatWhenOvertaken(ring, async () => {
    const group = await requireKeyGroup(ring)
    const wanted = [...new Set(edit(group.keyPairIds))]
    const same = wanted.length === group.keyPairIds.length && wanted.every((id) => group.keyPairIds.includes(id))
    if (same) return
    if (wanted.length > maxKeysInGroup) throw groupIsFull(group)
    if ((await ring.trusted.updateKeyGroup(group, wanted)) === 'changed-meanwhile') {
      throw new ConcurrentChangeError('ERR_KEYS_ROTATION', 'the key group is being changed by another run: try again')
    }
    ring.report(`key group ${group.id}: holds ${wanted.join(', ')}`)
  })
}

/** The error for a group that has no room for a further key. */
export function groupIsFull(group: KeyGroup): ServiceError {
  return new ServiceError(
    'ERR_KEYS_LIMIT',
    `key group ${group.id} holds ${group.keyPairIds.length} keys, and CloudFront allows ${maxKeysInGroup}: keys are retired a day ` +
      'after their successor became usable. Wait, or take a key that is not ours out of the group',
  )
}
