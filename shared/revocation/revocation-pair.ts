import { ServiceError } from '../errors.ts'
import { parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'
import type { ConvergingPair, Step } from '../operations/converge.ts'
import { parseRevocationValue, revocationKey, revocationValue, stampKeyName, stateHomeName } from './key-value.ts'
import {
  addRevocation,
  newRevocation,
  parseRevocationState,
  type Revocation,
  type RevocationState,
  serializeRevocationState,
} from './state.ts'
import type { KeyValueChange, RevocationStores } from './stores.ts'

/** Keys of one `UpdateKeys` call ("Quotas on key value stores", CloudFront Developer Guide). */
const maxKeysAtOnce = 50

type Entries = ReadonlyMap<string, string>

/** Steps of one writer besides bringing the KeyValueStore to the state. */
export interface RevocationWork {
  /** Epoch seconds. */
  readonly now: number
  /** The prefix that this writer revokes: its entry is written even where a list already shows it. */
  readonly revoked?: ResourcePrefix
  /** The stamp key, which a deploy puts beside the entries. */
  readonly stampKey?: string
  /**
   * True if the KeyValueStore is to follow this state from now on, whichever it followed before: for a deploy, which may have
   * changed the bucket. The revocations of the store are taken over into the state.
   */
  readonly claim?: boolean
  /** Receives a line where the state was rebuilt from the KeyValueStore. */
  readonly report?: (line: string) => void
}

/** State object and KeyValueStore of a stage. */
export function revocationPair(
  { state, keyValues, home }: RevocationStores,
  work: RevocationWork,
): ConvergingPair<RevocationState, Entries, KeyValueChange> {
  return {
    document: {
      async load() {
        const loaded = await state.load()
        return loaded && { value: parseRevocationState(loaded.json), version: loaded.version }
      },
      save: (value, version) => state.save(serializeRevocationState(value), version),
    },
    projection: {
      async read() {
        const { entries, version } = await keyValues.list()
        return { value: entries, version }
      },
      async write(change, version) {
        return (await keyValues.update(change, version)) === 'updated' ? 'written' : 'changed-meanwhile'
      },
    },
    settle(document, entries) {
      const follows = entries.get(stateHomeName)
      const isForeign = home !== undefined && follows !== undefined && follows !== home
      if (isForeign && work.claim !== true) throw followsAnotherState()
      if (document !== undefined && !isForeign) return document
      const held = revocationsOf(entries, work.now)
      if (held.length > 0) work.report?.(`revocation state: ${held.length} taken over from the KeyValueStore`)
      return held.reduce((all, revocation) => addRevocation(all, revocation, work.now), document ?? { revocations: [] })
    },
    plan: (document, entries, hasWritten) =>
      planChange(document, entries, hasWritten ? undefined : work.revoked, home, work),
    isEqual: (a, b) => serializeRevocationState(a) === serializeRevocationState(b),
  }
}

/** The entries that the guard needs for a state: for each prefix the latest time, over all subjects. */
export function revocationEntries(state: RevocationState, now: number): Map<string, string> {
  const latest = new Map<string, number>()
  for (const { prefix, before, expires } of state.revocations) {
    if (expires > now) latest.set(prefix, Math.max(before, latest.get(prefix) ?? 0))
  }
  return new Map([...latest].map(([prefix, before]) => [revocationKey(prefix), revocationValue(before)]))
}

/** Returns true if a key of the KeyValueStore stands for a revoked prefix. */
export function isRevocationKey(key: string): boolean {
  return key.startsWith(revocationKey('/'))
}

/**
 * The revocations that entries of the KeyValueStore stand for, without those that expired. An entry names no subject, so each
 * means everybody: more sessions are refused than before, never fewer. A damaged one refuses all that exists at `now`. What
 * is no prefix is looked up by no guard and is left out.
 */
export function revocationsOf(entries: Entries, now: number): readonly Revocation[] {
  const revocations: Revocation[] = []
  for (const [key, value] of entries) {
    const prefix = isRevocationKey(key) ? parsePrefix(key.slice(revocationKey('').length)) : undefined
    if (prefix === undefined) continue
    const before = parseRevocationValue(value)
    const revocation = newRevocation({ prefix }, Number.isSafeInteger(before) && before >= 0 ? before : now)
    if (revocation.expires > now) revocations.push(revocation)
  }
  return revocations
}

/** Denials first: an update that is cut off must not have given access back only. */
function planChange(
  state: RevocationState,
  entries: Entries,
  revoked: ResourcePrefix | undefined,
  home: string | undefined,
  { now, stampKey, claim }: RevocationWork,
): Step<KeyValueChange> | undefined {
  const wanted = revocationEntries(state, now)
  if (stampKey !== undefined) wanted.set(stampKeyName, stampKey)
  if (claim === true && home !== undefined) wanted.set(stateHomeName, home)
  const own = revoked === undefined ? undefined : revocationKey(revoked)
  const missing = [...wanted].filter(([key, value]) => key === own || entries.get(key) !== value)
  const puts = missing.sort(([a], [b]) => Number(b === own) - Number(a === own))
  const deletes = [...entries.keys()].filter((key) => isRevocationKey(key) && !wanted.has(key))
  if (puts.length + deletes.length === 0) return undefined
  const putsNow = puts.slice(0, maxKeysAtOnce)
  const deletesNow = deletes.slice(0, maxKeysAtOnce - putsNow.length)
  return {
    change: { puts: new Map(putsNow), deletes: deletesNow },
    isLast: putsNow.length + deletesNow.length === puts.length + deletes.length,
  }
}

function parsePrefix(text: string): ResourcePrefix | undefined {
  try {
    return parseResourcePrefix(text)
  } catch {
    return undefined
  }
}

function followsAnotherState(): ServiceError {
  return new ServiceError(
    'ERR_STATE_UNAVAILABLE',
    'the KeyValueStore follows the revocation state of another bucket: deploy the stage again',
  )
}
