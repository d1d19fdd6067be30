import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import type { KeyValueChange, KeyValues } from '../../../../shared/revocation/stores.ts'
import { revocationEntries, syncKeyValues } from '../../../../shared/revocation/sync-key-values.ts'

/** A KeyValueStore with CloudFront's two rules: at most 50 keys in a call, and the version must fit. */
function store(initial: Iterable<readonly [string, string]>, onList = () => {}) {
  const entries = new Map(initial)
  const changes: KeyValueChange[] = []
  let version = 0
  const keyValues: KeyValues = {
    async list() {
      const listed = { entries: new Map(entries), version: String(version) }
      onList()
      return listed
    },
    async update(change, given) {
      if (given !== String(version)) return 'changed-meanwhile'
      if (change.puts.size + change.deletes.length > 50) throw new Error('too many keys')
      changes.push(change)
      for (const [key, value] of change.puts) entries.set(key, value)
      for (const key of change.deletes) entries.delete(key)
      version += 1
      return 'updated'
    },
  }
  const interfere = (key: string, value: string) => {
    entries.set(key, value)
    version += 1
  }
  return { keyValues, entries, changes, interfere }
}

const owned = (key: string) => key.startsWith('revoked/')

describe('syncKeyValues', () => {
  it('brings any store to the wanted entries, whatever their number, and leaves what is not its own', async () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { maxLength: 120 })
    const entriesOf = (numbers: number[], value: string) => numbers.map((n) => [`revoked/${n}/`, value] as const)
    await fc.assert(
      fc.asyncProperty(keys, keys, async (before, after) => {
        const { keyValues, entries } = store([...entriesOf(before, 'a'), ['stampKey', 's']])
        const wanted = new Map(entriesOf(after, 'b'))
        await syncKeyValues(keyValues, wanted, owned)
        expect(entries).toEqual(new Map([...wanted, ['stampKey', 's']]))
      }),
      { numRuns: 50 },
    )
  })

  it('refuses first and gives back last', async () => {
    const old = Array.from({ length: 60 }, (_, i) => [`revoked/old${i}/`, 'a'] as const)
    const { keyValues, changes } = store(old)
    await syncKeyValues(keyValues, new Map(Array.from({ length: 60 }, (_, i) => [`revoked/new${i}/`, 'b'])), owned)
    expect(changes[0]?.deletes).toEqual([])
    expect(changes[0]?.puts.size).toBe(50)
  })

  it('changes nothing where nothing has to change', async () => {
    const { keyValues, changes } = store([['revoked/a/', '1']])
    await syncKeyValues(keyValues, new Map([['revoked/a/', '1']]), owned)
    expect(changes).toEqual([])
  })

  it('begins again when somebody else writes, and gives up when that does not end', async () => {
    let writes = 2
    const busy = store([], () => {
      if (writes-- > 0) busy.interfere('revoked/other/', 'x')
    })
    await syncKeyValues(busy.keyValues, new Map([['revoked/a/', '1']]), owned)
    expect([...busy.entries]).toEqual([['revoked/a/', '1']])
    const endless = store([], () => endless.interfere('revoked/other/', 'x'))
    await expect(syncKeyValues(endless.keyValues, new Map([['revoked/a/', '1']]), owned)).rejects.toMatchObject({
      code: 'ERR_STATE_UNAVAILABLE',
    })
  })
})

it('an entry for a prefix holds the latest time, whoever it was revoked for, and only while it counts', () => {
  const revocation = (prefix: string, before: number, expires: number, sub?: string) => ({
    ...{ prefix: parseResourcePrefix(prefix), before, expires },
    ...(sub === undefined ? {} : { sub }),
  })
  const state = {
    revocations: [
      revocation('/users/a/', 100, 1000, 'alice'),
      revocation('/users/a/', 90, 1000),
      revocation('/users/b/', 100, 500),
    ],
  }
  expect([...revocationEntries(state, 500)]).toEqual([['revoked/users/a/', '{"before":100}']])
})
