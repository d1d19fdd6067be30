import { type KeyRing, readCurrent } from '../../shared/keys/key-ring.ts'
import { stampKeyName } from '../../shared/revocation/key-value.ts'
import { isRevocationKey, readRevocations } from '../../shared/revocation/revoke.ts'
import { serializeRevocationState } from '../../shared/revocation/state.ts'
import type { KeyValues, StateObject } from '../../shared/revocation/stores.ts'
import { revocationEntries, syncKeyValues } from '../../shared/revocation/sync-key-values.ts'
import type { Page } from './config.ts'
import type { Pages } from './stores.ts'

/** What of the stack is filled after it was made. */
export interface StackStores {
  readonly keyValues: KeyValues
  readonly state: StateObject
  readonly pages: Pages
}

/**
 * Fills the stack: the revocation state where there is none (the session function mints nothing while it cannot read one), the
 * stamp key and every revocation that still counts into the KeyValueStore, the pages into the bucket. A KeyValueStore that
 * was replaced is as full as before.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` where the state object is damaged.
 */
export async function fillStack(ring: KeyRing, stack: StackStores, pages: readonly Page[]): Promise<void> {
  const made = await stack.state.save(serializeRevocationState({ revocations: [] }), undefined)
  ring.report(`revocation state: ${made === 'saved' ? 'made' : 'kept'}`)

  const { document } = await readCurrent(ring)
  const revocations = revocationEntries(await readRevocations(stack.state, ring.now), ring.now)
  const wanted = new Map([[stampKeyName, document.stampKey], ...revocations])
  await syncKeyValues(stack.keyValues, wanted, (key) => key === stampKeyName || isRevocationKey(key))
  ring.report(`KeyValueStore: stamp key and ${revocations.size} revocations`)

  for (const page of pages) {
    await stack.pages.write(page)
    ring.report(`page ${page.key}: written`)
  }
}
