import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { revocationStateKey } from '../shared/revocation/state.ts'
import type { RevocationStores } from '../shared/revocation/stores.ts'
import { withLock } from './setup/lock.ts'
import { readKeyValues, type StateFiles, showKeyValue, storeKeyValue, writeWhole } from './state.ts'

/** Where revocations of a local stage are written. */
export interface RevocationPlace {
  /** The bucket's root. */
  readonly content: string
  readonly state: StateFiles
  /** Seconds until the edges see a change of the KeyValueStore. */
  readonly propagationDelay: number
}

/**
 * State object and KeyValueStore as files, for every process of this machine that writes them: a write names the version that
 * it is based on, as at S3 and CloudFront, and a change of the KeyValueStore shows when its delay is over.
 */
export function createLocalRevocations({ content, state, propagationDelay }: RevocationPlace): RevocationStores {
  const stateFile = join(content, revocationStateKey)
  const exclusively = <T>(work: () => T) => withLock(join(state.directory, 'revocations.lock'), async () => work())
  return {
    state: {
      async load() {
        const json = readIfThere(stateFile)
        return json === undefined ? undefined : { json, version: versionOf(json) }
      },
      save: (json, version) =>
        exclusively(() => {
          const current = readIfThere(stateFile)
          if (version !== (current === undefined ? undefined : versionOf(current))) return 'changed-meanwhile'
          writeWhole(stateFile, json)
          return 'saved'
        }),
    },
    keyValues: {
      async list() {
        const entries = readKeyValues(state)
        return { entries, version: versionOfEntries(entries) }
      },
      update: ({ puts, deletes }, version) =>
        exclusively(() => {
          if (version !== versionOfEntries(readKeyValues(state))) return 'changed-meanwhile'
          const changes = [...deletes.map((key) => [key, undefined] as const), ...puts]
          for (const [key, value] of changes) storeKeyValue(state, key, value)
          const show = () => {
            for (const [key, value] of changes) showKeyValue(state, key, value)
          }
          // A stage that stops before it was seen catches up when it starts again.
          if (propagationDelay > 0) setTimeout(show, propagationDelay * 1000).unref()
          else show()
          return 'updated'
        }),
    },
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function versionOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`
}

function versionOfEntries(entries: ReadonlyMap<string, string>): string {
  return versionOf(JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1))))
}
