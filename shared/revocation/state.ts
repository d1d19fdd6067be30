import { ServiceError } from '../errors.ts'
import { contains, parseResourcePrefix, type ResourcePrefix } from '../grant/resource-prefix.ts'
import { keyTimes } from '../keys/key-times.ts'

/** The object in the bucket that holds the state; no behaviour serves it. */
export const revocationStateKey = '_state/revocations.json'

/** One revocation. Times in epoch seconds. */
export interface Revocation {
  readonly prefix: ResourcePrefix
  /** The one subject it means; absent, it means everybody. */
  readonly sub?: string
  /** Sessions and stamps up to this second are refused. */
  readonly before: number
  /** When the entry may be dropped. */
  readonly expires: number
}

/** A prefix, and the subject whose access to it ends. Without `sub`: everybody's. */
export type RevocationOrder = Pick<Revocation, 'prefix' | 'sub'>

/** A revocation up to `before`. It may be dropped when every cookie that it refuses has expired. */
export function newRevocation(order: RevocationOrder, before: number): Revocation {
  return { ...order, before, expires: before + keyTimes.maxTtl + keyTimes.clockSkew }
}

/** Everything revoked in a stage, as the state object holds it. */
export interface RevocationState {
  readonly revocations: readonly Revocation[]
}

/** The state as a function knows it, which caches it. */
export interface KnownRevocations extends RevocationState {
  /** When it began to read it, in epoch seconds. */
  readonly readAt: number
}

/**
 * How far ahead a revocation reaches, in seconds: stamps of the next two minutes are refused, too. A session function mints on
 * for up to 30 s before it hears of the revocation, and a new KeyValueStore entry takes seconds to be everywhere.
 */
export const aheadSeconds = 120
const maxClockDifference = 60

/**
 * The time to stamp on cookies that are made at `now`. While the bucket does not answer, a function grants by a state that
 * may be five minutes old, which is longer than a revocation reaches ahead. Cookies of such a state bear its time, so that a
 * revocation that it does not know refuses them.
 *
 * @returns epoch seconds.
 */
export function stampTime({ readAt }: KnownRevocations, now: number): number {
  return now - readAt <= aheadSeconds - maxClockDifference ? now : readAt
}

/**
 * Reads the state object.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` for anything that is not exactly such a state: an entry left out would be
 *   access given back.
 */
export function parseRevocationState(json: string): RevocationState {
  try {
    const { revocations } = JSON.parse(json)
    if (!Array.isArray(revocations)) throw new TypeError('revocations must be a list')
    return { revocations: revocations.map(parseRevocation) }
  } catch {
    throw new ServiceError('ERR_STATE_UNAVAILABLE', 'the revocation state is damaged')
  }
}

/** Writes the state that `parseRevocationState` reads back as the same value. */
export function serializeRevocationState(state: RevocationState): string {
  return JSON.stringify({
    revocations: state.revocations.map(({ prefix, sub, before, expires }) => ({ prefix, sub, before, expires })),
  })
}

/**
 * The state with one revocation more, without those that expired. With one of the same prefix and subject it becomes one
 * entry with the later times: a second revocation never gives access back.
 */
export function addRevocation(state: RevocationState, revocation: Revocation, now: number): RevocationState {
  const current = pruneRevocations(state, now).revocations
  const isSame = (other: Revocation) => other.prefix === revocation.prefix && other.sub === revocation.sub
  const same = [...current.filter(isSame), revocation]
  const merged = {
    ...revocation,
    before: Math.max(...same.map(({ before }) => before)),
    expires: Math.max(...same.map(({ expires }) => expires)),
  }
  return { revocations: [...current.filter((other) => !isSame(other)), merged] }
}

/** The state without the revocations that expired. */
export function pruneRevocations(state: RevocationState, now: number): RevocationState {
  return { revocations: state.revocations.filter((revocation) => revocation.expires > now) }
}

/**
 * Returns true if a session may not mint: it would grant something of a revoked prefix (or all around one), is meant by the
 * revocation, and was not issued after it. A session that does not say when it was issued counts as issued before.
 *
 * Valid while the entry is in the state; each writer of the state drops expired ones.
 */
export function isSessionRevoked(
  state: RevocationState,
  session: { readonly sub: string; readonly issuedAt: number | undefined },
  prefixes: readonly ResourcePrefix[],
): boolean {
  return state.revocations.some(
    (revocation) =>
      (revocation.sub === undefined || revocation.sub === session.sub) &&
      (session.issuedAt === undefined || session.issuedAt <= revocation.before) &&
      prefixes.some((prefix) => contains(revocation.prefix, prefix) || contains(prefix, revocation.prefix)),
  )
}

/**
 * The second up to which cookies for a path are refused, for every holder; `undefined` if no revocation is about it.
 * A revocation of one subject counts as well: a stamp does not say whose it is, as in the KeyValueStore.
 */
export function revokedBefore(state: RevocationState, path: string): number | undefined {
  let latest: number | undefined
  for (const { prefix, before } of state.revocations) {
    if (path.startsWith(prefix) && (latest === undefined || before > latest)) latest = before
  }
  return latest
}

function parseRevocation(entry: Record<string, unknown>): Revocation {
  const { prefix, sub, before, expires } = entry
  if (typeof prefix !== 'string' || !isEpoch(before) || !isEpoch(expires)) throw new TypeError('not a revocation')
  if (sub !== undefined && typeof sub !== 'string') throw new TypeError('not a revocation')
  return { prefix: parseResourcePrefix(prefix), ...(sub === undefined ? {} : { sub }), before, expires }
}

function isEpoch(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
