import type { KeyValues, RevocationStores, StateObject } from '../../shared/revocation/stores.ts'

/** Both places of revocations in memory, with the conditions that S3 and the KeyValueStore hold their writers to. */
export interface MemoryRevocations extends RevocationStores {
  /** The state object's text. */
  json(): string | undefined
  readonly entries: Map<string, string>
  /** Runs once before the next write of either place: what somebody else does in between, or a failure. */
  beforeWrite(work: () => void): void
}

/** Makes them empty. */
export function createMemoryRevocations(): MemoryRevocations {
  let text: string | undefined
  let version = 0
  let keyValueVersion = 0
  let waiting: (() => void) | undefined
  const interrupt = () => {
    const work = waiting
    waiting = undefined
    work?.()
  }
  const entries = new Map<string, string>()
  const state: StateObject = {
    load: async () => (text === undefined ? undefined : { json: text, version: `"${version}"` }),
    async save(json, expected) {
      interrupt()
      if (expected !== (text === undefined ? undefined : `"${version}"`)) return 'changed-meanwhile'
      text = json
      version += 1
      return 'saved'
    },
  }
  const keyValues: KeyValues = {
    list: async () => ({ entries: new Map(entries), version: String(keyValueVersion) }),
    async update({ puts, deletes }, expected) {
      if (puts.size + deletes.length > 50) throw new Error('more than 50 keys at once')
      interrupt()
      if (expected !== String(keyValueVersion)) return 'changed-meanwhile'
      for (const key of deletes) entries.delete(key)
      for (const [key, value] of puts) entries.set(key, value)
      keyValueVersion += 1
      return 'updated'
    },
  }
  return {
    state,
    keyValues,
    clock: { nowMs: () => 0, random: () => 0, wait: async () => undefined },
    json: () => text,
    entries,
    beforeWrite: (work) => {
      waiting = work
    },
  }
}
