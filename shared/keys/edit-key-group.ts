import { ServiceError } from '../errors.ts'
import { type ConvergingPlace, convergePlace } from '../operations/converge.ts'
import { ConcurrentChangeError, startBackOff } from '../operations/retry.ts'
import { type KeyRing, overtaken, requireKeyGroup } from './key-ring.ts'
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
  const place: ConvergingPlace<KeyGroup, readonly string[]> = {
    load: () => requireKeyGroup(ring),
    plan(group) {
      const wanted = [...new Set(edit(group.keyPairIds))]
      const isSame = wanted.length === group.keyPairIds.length && wanted.every((id) => group.keyPairIds.includes(id))
      if (isSame) return undefined
      if (wanted.length > maxKeysInGroup) throw groupIsFull(group)
      return wanted
    },
    async write(wanted, group) {
      if ((await ring.trusted.updateKeyGroup(group, wanted)) === 'changed-meanwhile') return 'changed-meanwhile'
      ring.report(`key group ${group.id}: holds ${wanted.join(', ')}`)
      return 'written'
    },
  }
  await convergePlace(place, {
    backOff: startBackOff(overtaken, ring.clock),
    busy: () =>
      new ConcurrentChangeError('ERR_KEYS_ROTATION', 'the key group is being changed by another run: try again'),
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
