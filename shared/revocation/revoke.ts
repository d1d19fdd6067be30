import { ServiceError } from '../errors.ts'
import { converge } from '../operations/converge.ts'
import { startBackOff } from '../operations/retry.ts'
import { isRevocationKey, type RevocationWork, revocationPair } from './revocation-pair.ts'
import {
  addRevocation,
  aheadSeconds,
  newRevocation,
  parseRevocationState,
  pruneRevocations,
  type Revocation,
  type RevocationOrder,
  type RevocationState,
} from './state.ts'
import type { RevocationStores } from './stores.ts'

/** Less than API Gateway waits for its function. */
const limits = { firstMs: 50, maxMs: 2000, totalMs: 15_000 }

/**
 * Ends access to a prefix: first the state object, so that nobody gets new cookies, then the KeyValueStore, so that the old
 * ones are refused. With `sub` everybody's cookies of the prefix are refused, because a stamp names nobody; others mint
 * again.
 *
 * When it returns, both hold the revocation, whatever other writers do meanwhile. After a failure, a further run completes it.
 *
 * @param now epoch seconds.
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function revoke(order: RevocationOrder, stores: RevocationStores, now: number): Promise<Revocation> {
  const revocation = newRevocation(order, now + aheadSeconds)
  const change = (state: RevocationState) => addRevocation(state, revocation, now)
  await write(stores, { now, revoked: order.prefix }, change)
  return revocation
}

/**
 * Takes a revocation back: the one of exactly this prefix and subject. Cookies from before it that have not expired open the
 * prefix again. After a failure, a further run completes it.
 *
 * @returns whether there was such a revocation.
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function restore(order: RevocationOrder, stores: RevocationStores, now: number): Promise<boolean> {
  let found = false
  await write(stores, { now }, (state) => {
    const { revocations } = pruneRevocations(state, now)
    const others = revocations.filter(({ prefix, sub }) => prefix !== order.prefix || sub !== order.sub)
    // Also where the first try took it back and its answer was lost.
    found ||= others.length < revocations.length
    return { revocations: others }
  })
  return found
}

/**
 * Brings the KeyValueStore to the state, and drops the entries that outlived every cookie: the daily rule, a part of each
 * deploy, and a repair. A state that is missing is rebuilt from the KeyValueStore, else made empty.
 *
 * @returns the revocations in force.
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function syncRevocations(
  stores: RevocationStores,
  work: Omit<RevocationWork, 'revoked'>,
): Promise<RevocationState> {
  return write(stores, work, (state) => pruneRevocations(state, work.now))
}

/**
 * Returns the revocations in force.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` where the state is damaged, or is missing while the KeyValueStore refuses prefixes.
 */
export async function readRevocations({ state, keyValues }: RevocationStores, now: number): Promise<RevocationState> {
  const loaded = await state.load()
  if (loaded !== undefined) return pruneRevocations(parseRevocationState(loaded.json), now)
  const { entries } = await keyValues.list()
  const held = [...entries.keys()].filter(isRevocationKey).length
  if (held === 0) return { revocations: [] }
  throw new ServiceError(
    'ERR_STATE_UNAVAILABLE',
    `the revocation state is missing and the KeyValueStore refuses ${held} prefixes: run edge-signer repair, or deploy again`,
  )
}

function write(
  stores: RevocationStores,
  work: RevocationWork,
  change: (state: RevocationState) => RevocationState,
): Promise<RevocationState> {
  return converge(revocationPair(stores, work), {
    change,
    backOff: startBackOff(limits, stores.clock),
    busy: () =>
      new ServiceError('ERR_STATE_UNAVAILABLE', 'the revocations are being changed by other writers: try again'),
  })
}
