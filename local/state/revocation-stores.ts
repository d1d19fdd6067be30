import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { revocationStateKey } from '../../shared/revocation/state.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { withLock } from '../setup/lock.ts'
import { isDiskFull, openDiskReserve, usedUp } from './disk-reserve.ts'
import { readKeyValues, type StateFiles, showKeyValue, storeKeyValue } from './state-files.ts'

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
 *
 * Revoking works on a full disk: room for it is set aside on both file systems when a process opens the stores.
 */
export function createLocalRevocations({ content, state, propagationDelay }: RevocationPlace): RevocationStores {
  const stateFile = join(content, revocationStateKey)
  const objectRoom = openDiskReserve(join(dirname(stateFile), 'reserve'), objectReserve)
  const entryRoom = openDiskReserve(join(state.directory, 'reserve'), entryReserve)
  const exclusively = async <T>(work: () => T): Promise<T> => {
    const lock = join(state.directory, 'revocations.lock')
    try {
      return await withLock(lock, async () => work(), entryRoom)
    } catch (error) {
      throw isDiskFull(error) ? usedUp() : error
    } finally {
      objectRoom.topUp()
      entryRoom.topUp()
    }
  }
  return {
    clock: { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) },
    state: {
      async load() {
        const json = readIfThere(stateFile)
        return json === undefined ? undefined : { json, version: versionOf(json) }
      },
      save: (json, version) =>
        exclusively(() => {
          const current = readIfThere(stateFile)
          if (version !== (current === undefined ? undefined : versionOf(current))) return 'changed-meanwhile'
          objectRoom.write(stateFile, json)
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
          for (const [key, value] of changes) storeKeyValue(state, key, value, entryRoom.write)
          const show = () => {
            for (const [key, value] of changes) showKeyValue(state, key, value, entryRoom.write)
          }
          // A stage that stops before it was seen catches up when it starts again.
          if (propagationDelay > 0) setTimeout(show, propagationDelay * 1000).unref()
          else show()
          return 'updated'
        }),
    },
  }
}

/** For the state object, which is written whole: some five hundred revocations fit a spare. */
const objectReserve = { spares: 4, bytes: 64 * 1024 }

/** For entries of the KeyValueStore, each written twice, and the lock: over twenty revocations, if the disk stays full to the last byte. */
const entryReserve = { spares: 64, bytes: 4096 }

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
