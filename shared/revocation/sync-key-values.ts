import { ServiceError } from '../errors.ts'
import { revocationKey, revocationValue } from './key-value.ts'
import type { RevocationState } from './state.ts'
import type { KeyValues } from './stores.ts'

/** Keys of one `UpdateKeys` call ("Quotas on key value stores", CloudFront Developer Guide). */
const mostKeysAtOnce = 50
const tries = 5

/** The entries that the guard needs for a state: for each prefix the latest time, whoever it was revoked for. */
export function revocationEntries(state: RevocationState, now: number): Map<string, string> {
  const latest = new Map<string, number>()
  for (const { prefix, before, expires } of state.revocations) {
    if (expires > now) latest.set(prefix, Math.max(before, latest.get(prefix) ?? 0))
  }
  return new Map([...latest].map(([prefix, before]) => [revocationKey(prefix), revocationValue(before)]))
}

/**
 * Brings the KeyValueStore to exactly these entries. Keys that `owned` does not claim are left alone.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` where somebody else keeps changing the store.
 */
export async function syncKeyValues(
  store: KeyValues,
  wanted: ReadonlyMap<string, string>,
  owned: (key: string) => boolean,
): Promise<void> {
  let refusals = 0
  while (refusals < tries) {
    const { entries, version } = await store.list()
    const puts = [...wanted].filter(([key, value]) => entries.get(key) !== value)
    const deletes = [...entries.keys()].filter((key) => owned(key) && !wanted.has(key))
    if (puts.length + deletes.length === 0) return
    // Denials first: an update that is cut off must not have given access back only.
    const putsNow = puts.slice(0, mostKeysAtOnce)
    const deletesNow = deletes.slice(0, mostKeysAtOnce - putsNow.length)
    const outcome = await store.update({ puts: new Map(putsNow), deletes: deletesNow }, version)
    if (outcome === 'changed-meanwhile') refusals += 1
  }
  throw new ServiceError('ERR_STATE_UNAVAILABLE', 'the KeyValueStore is being changed by somebody else: try again')
}
