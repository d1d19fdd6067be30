import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import type { GrantTemplate } from '../grant/template.ts'
import type { Clock } from '../operations/retry.ts'

/** The object in the bucket that holds the revocation state. */
export interface StateObject {
  /** Its text and version; `undefined` where there is none. */
  load(): Promise<{ readonly json: string; readonly version: string } | undefined>
  /** Writes it, unless its version is no longer `version` (`undefined`: unless there is one). */
  save(json: string, version: string | undefined): Promise<'saved' | 'changed-meanwhile'>
}

/** The KeyValueStore that the guard reads. */
export interface KeyValues {
  list(): Promise<{ readonly entries: ReadonlyMap<string, string>; readonly version: string }>
  /** Applies a change of at most 50 keys, unless the store's version is no longer `version`. */
  update(change: KeyValueChange, version: string): Promise<'updated' | 'changed-meanwhile'>
}

/** Entries to write and to delete. */
export interface KeyValueChange {
  readonly puts: ReadonlyMap<string, string>
  readonly deletes: readonly string[]
}

/** Both places that a revocation is written to. */
export interface RevocationStores {
  readonly state: StateObject
  readonly keyValues: KeyValues
  /**
   * Name of the bucket that holds the state. A KeyValueStore that follows another bucket's state is left alone, so that a
   * writer of before a change of bucket deletes nothing. `undefined` where the place cannot change.
   */
  readonly home?: string
  /** For the pauses between two tries. */
  readonly clock: Clock
}

/**
 * Returns true if a template can have granted exactly this prefix. Only such a prefix can be revoked: the guard looks up the
 * prefixes that templates make and no others, so an entry for `/users/` or `/users/alice/photos/` would look like a
 * revocation and refuse nobody.
 */
export function isRevocable(prefix: ResourcePrefix, templates: readonly GrantTemplate[]): boolean {
  const names = prefix.slice(1, -1).split('/')
  return templates.some(
    ({ segments }) =>
      segments.length === names.length &&
      segments.every((segment, index) => segment.kind !== 'literal' || segment.text === names[index]),
  )
}
