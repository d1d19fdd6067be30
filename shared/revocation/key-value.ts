import { keyTimes } from '../keys/key-times.ts'

/**
 * Content of the KeyValueStore: the stamp key, the bucket whose state it follows, and one entry for each revoked prefix.
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters, and no imports but of
 * such files.
 */

/** The KeyValueStore key under which the stamp key lies. */
export const stampKeyName = 'stampKey'

/** The KeyValueStore key of the bucket whose revocation state the store follows. No function at the edge reads it. */
export const stateHomeName = 'stateHome'

/** The KeyValueStore key of a revoked prefix: `revoked/users/alice/`. */
export function revocationKey(prefix: string): string {
  return `revoked${prefix}`
}

/** The value of such an entry: stamps up to this second are refused. */
export function revocationValue(before: number): string {
  return JSON.stringify({ before: before })
}

/**
 * Reads such a value. A damaged one revokes everything (`Infinity`): the entry says that somebody wanted access to end.
 */
export function parseRevocationValue(json: string): number {
  try {
    const before = JSON.parse(json).before
    return typeof before === 'number' ? before : Number.POSITIVE_INFINITY
  } catch (_notJson) {
    return Number.POSITIVE_INFINITY
  }
}

/**
 * Returns true if cookies stamped at `epoch` survive a revocation. Those of the very second do not, and no stamp outlives the
 * cookies that were set with it.
 */
export function isStampNewer(epoch: number | undefined, before: number, now: number): boolean {
  return epoch !== undefined && epoch > before && epoch >= now - keyTimes.maxTtl - keyTimes.clockSkew
}

/**
 * The prefixes that a path lies below, broadest first, at most `maxDepth` of them: `/users/a/x` is below `/users/` and
 * `/users/a/`. Each costs the guard one look-up.
 */
export function enclosingPrefixes(path: string, maxDepth: number): string[] {
  const prefixes: string[] = []
  let slash = path.indexOf('/', 1)
  while (slash > 0 && prefixes.length < maxDepth) {
    prefixes.push(path.slice(0, slash + 1))
    slash = path.indexOf('/', slash + 1)
  }
  return prefixes
}
