import { type KeyRing, readCurrent } from '../../shared/keys/key-ring.ts'
import { syncRevocations } from '../../shared/revocation/revoke.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import type { Page } from './config.ts'
import type { Pages } from './stores.ts'

/** Parts of the stack that are filled after it was made. */
export interface StackStores extends RevocationStores {
  readonly pages: Pages
}

/**
 * Fills the stack: the revocation state where there is none (the session function mints nothing while it cannot read one), the
 * stamp key and every revocation in force into the KeyValueStore, the pages into the bucket. A KeyValueStore that was replaced is
 * filled from the state; in a bucket that was replaced, or lost its state, the state is filled from the KeyValueStore.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` where the state object is damaged.
 */
export async function fillStack(ring: KeyRing, stack: StackStores, pages: readonly Page[]): Promise<void> {
  const { document } = await readCurrent(ring)
  const work = { now: ring.now, stampKey: document.stampKey, claim: true, report: ring.report }
  const { revocations } = await syncRevocations(stack, work)
  ring.report(`KeyValueStore: stamp key and ${revocations.length} revocations`)

  for (const page of pages) {
    await stack.pages.write(page)
    ring.report(`page ${page.key}: written`)
  }
}
