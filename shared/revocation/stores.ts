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

/** What to write and what to delete. */
export interface KeyValueChange {
  readonly puts: ReadonlyMap<string, string>
  readonly deletes: readonly string[]
}

/** Both places that a revocation is written to. */
export interface RevocationStores {
  readonly state: StateObject
  readonly keyValues: KeyValues
}
