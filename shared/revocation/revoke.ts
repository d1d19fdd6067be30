import { ServiceError } from '../errors.ts'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { keyTimes } from '../keys/key-times.ts'
import {
  addRevocation,
  parseRevocationState,
  pruneRevocations,
  type Revocation,
  type RevocationState,
  serializeRevocationState,
} from './state.ts'
import type { RevocationStores, StateObject } from './stores.ts'
import { revocationEntries, syncKeyValues } from './sync-key-values.ts'

/**
 * Stamps of the next two minutes are refused, too: a session function mints on for up to 30 s before it hears of the
 * revocation, and a new KeyValueStore entry takes seconds to be everywhere.
 */
const aheadSeconds = 120
const tries = 5

/** Whose access to what ends. Without `sub`: everybody's. */
export interface RevocationOrder {
  readonly prefix: ResourcePrefix
  readonly sub?: string
}

/**
 * Ends access to a prefix: first the state object, so that nobody gets new cookies, then the KeyValueStore, so that the old ones
 * are refused. With `sub` everybody's cookies of the prefix are refused, because a stamp names nobody; others mint again.
 *
 * Run again after a failure, it completes what is missing.
 *
 * @param now epoch seconds.
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function revoke(order: RevocationOrder, stores: RevocationStores, now: number): Promise<Revocation> {
  const before = now + aheadSeconds
  const revocation = { ...order, before, expires: before + keyTimes.longestTtl + keyTimes.clockSkew }
  await writeBoth(stores, now, (state) => addRevocation(state, revocation, now))
  return revocation
}

/**
 * Takes a revocation back: the one of exactly this prefix and subject. Cookies from before it that have not expired open the
 * prefix again. Run again after a failure, it completes what is missing.
 *
 * @returns whether there was such a revocation.
 * @throws ServiceError `ERR_STATE_UNAVAILABLE`.
 */
export async function restore(order: RevocationOrder, stores: RevocationStores, now: number): Promise<boolean> {
  let found = false
  await writeBoth(stores, now, (state) => {
    const { revocations } = pruneRevocations(state, now)
    const others = revocations.filter(({ prefix, sub }) => prefix !== order.prefix || sub !== order.sub)
    found = others.length < revocations.length
    return { revocations: others }
  })
  return found
}

/** Drops the entries that outlived every cookie. To be run now and then; it changes nothing that still counts. */
export async function expireRevocations(stores: RevocationStores, now: number): Promise<void> {
  await writeBoth(stores, now, (state) => pruneRevocations(state, now))
}

/** What is revoked at this moment. @throws ServiceError `ERR_STATE_UNAVAILABLE` where the state is damaged. */
export async function readRevocations(state: StateObject, now: number): Promise<RevocationState> {
  const loaded = await state.load()
  return loaded === undefined ? { revocations: [] } : pruneRevocations(parseRevocationState(loaded.json), now)
}

async function writeBoth(
  { state, keyValues }: RevocationStores,
  now: number,
  change: (state: RevocationState) => RevocationState,
): Promise<void> {
  const changed = await changeState(state, change)
  await syncKeyValues(keyValues, revocationEntries(changed, now), isRevocationKey)
}

/** Whether a key of the KeyValueStore stands for a revoked prefix. */
export function isRevocationKey(key: string): boolean {
  return key.startsWith('revoked/')
}

async function changeState(
  store: StateObject,
  change: (state: RevocationState) => RevocationState,
): Promise<RevocationState> {
  for (let tried = 0; tried < tries; tried++) {
    const loaded = await store.load()
    const state = loaded === undefined ? { revocations: [] } : parseRevocationState(loaded.json)
    const changed = change(state)
    const json = serializeRevocationState(changed)
    if (json === loaded?.json || (await store.save(json, loaded?.version)) === 'saved') return changed
  }
  throw new ServiceError('ERR_STATE_UNAVAILABLE', 'the revocation state is being changed by somebody else: try again')
}
