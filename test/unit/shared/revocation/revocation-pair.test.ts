import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { stampKeyName, stateHomeName } from '../../../../shared/revocation/key-value.ts'
import { revocationEntries, revocationsOf } from '../../../../shared/revocation/revocation-pair.ts'
import { readRevocations, restore, revoke, syncRevocations } from '../../../../shared/revocation/revoke.ts'
import { newRevocation, serializeRevocationState } from '../../../../shared/revocation/state.ts'
import type { KeyValueChange, RevocationStores } from '../../../../shared/revocation/stores.ts'
import { createMemoryRevocations } from '../../../support/revocation-stores.ts'

const now = 1_893_456_000
const alice = parseResourcePrefix('/users/alice/')
const bob = parseResourcePrefix('/users/bob/')
const entry = (before: number) => JSON.stringify({ before })
const stateOf = (numbers: readonly number[], before: number) => ({
  revocations: numbers.map((n) => newRevocation({ prefix: parseResourcePrefix(`/u/${n}/`) }, before)),
})

/** With the changes of the KeyValueStore that were accepted. */
function watched(stores: RevocationStores) {
  const changes: KeyValueChange[] = []
  const update: RevocationStores['keyValues']['update'] = async (change, version) => {
    const outcome = await stores.keyValues.update(change, version)
    if (outcome === 'updated') changes.push(change)
    return outcome
  }
  return { changes, stores: { ...stores, keyValues: { ...stores.keyValues, update } } }
}

describe('the KeyValueStore follows the state', () => {
  it('from any entries to any others, whatever their number, and what is not its own is left', async () => {
    const keys = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { maxLength: 120 })
    await fc.assert(
      fc.asyncProperty(keys, keys, async (before, after) => {
        const stores = createMemoryRevocations()
        for (const n of before) stores.entries.set(`revoked/u/${n}/`, entry(now))
        stores.entries.set(stampKeyName, 's')
        const state = stateOf(after, now + 1)
        await stores.state.save(serializeRevocationState(state), undefined)
        await syncRevocations(stores, { now })
        expect(stores.entries).toEqual(new Map([...revocationEntries(state, now), [stampKeyName, 's']]))
      }),
      { numRuns: 50 },
    )
  })

  it('refuses first and gives back last, the prefix that is being revoked before all', async () => {
    const memory = createMemoryRevocations()
    for (let n = 0; n < 60; n++) memory.entries.set(`revoked/old/${n}/`, entry(now))
    const numbers = Array.from({ length: 60 }, (_, n) => n)
    await memory.state.save(serializeRevocationState(stateOf(numbers, now + 1)), undefined)
    const { changes, stores } = watched(memory)
    await revoke({ prefix: alice }, stores, now)
    expect(changes[0]?.deletes).toEqual([])
    expect(changes[0]?.puts.size).toBe(50)
    expect(changes[0]?.puts.has('revoked/users/alice/')).toBe(true)
    expect(memory.entries.size).toBe(61)
  })

  it('an undo tells its own success, also where the answer to its first try was lost', async () => {
    const memory = createMemoryRevocations()
    await revoke({ prefix: alice }, memory, now)
    let isLost = false
    const save: RevocationStores['state']['save'] = async (json, version) => {
      const outcome = await memory.state.save(json, version)
      if (isLost) return outcome
      isLost = true
      // The client tries again by itself, and its own write is in the way.
      return 'changed-meanwhile'
    }
    expect(await restore({ prefix: alice }, { ...memory, state: { ...memory.state, save } }, now)).toBe(true)
    expect(memory.entries.size).toBe(0)
  })

  it('changes nothing where nothing has to change', async () => {
    const memory = createMemoryRevocations()
    await revoke({ prefix: alice }, memory, now)
    const { changes, stores } = watched(memory)
    await syncRevocations(stores, { now })
    expect(changes).toEqual([])
  })

  it('is tried again when others write, and given up at the deadline when that does not end', async () => {
    let time = 0
    const busy = (writes: number) => {
      const memory = createMemoryRevocations()
      const clock = {
        nowMs: () => time,
        random: () => 1,
        wait: async (ms: number) => {
          time += ms
        },
      }
      const list: RevocationStores['keyValues']['list'] = async () => {
        const listed = await memory.keyValues.list()
        if (writes-- > 0)
          await memory.keyValues.update({ puts: new Map([['other', `${writes}`]]), deletes: [] }, listed.version)
        return listed
      }
      return { memory, stores: { ...memory, clock, keyValues: { ...memory.keyValues, list } } }
    }
    const twice = busy(2)
    await revoke({ prefix: alice }, twice.stores, now)
    expect(twice.memory.entries.has('revoked/users/alice/')).toBe(true)
    const endless = busy(Number.POSITIVE_INFINITY)
    const start = time
    await expect(revoke({ prefix: alice }, endless.stores, now)).rejects.toMatchObject({
      code: 'ERR_STATE_UNAVAILABLE',
    })
    expect(time - start).toBeLessThanOrEqual(15_000)
    expect(time - start).toBeGreaterThan(12_000)
  })

  it('gives up at the deadline when the state object is always changed by others', async () => {
    let time = 0
    const memory = createMemoryRevocations()
    const clock = { ...memory.clock, nowMs: () => (time += 100) }
    const state = { ...memory.state, save: async () => 'changed-meanwhile' as const }
    await expect(revoke({ prefix: alice }, { ...memory, clock, state }, now)).rejects.toMatchObject({
      code: 'ERR_STATE_UNAVAILABLE',
    })
    expect(memory.entries.size).toBe(0)
  })
})

describe('a state that is missing while the KeyValueStore refuses prefixes', () => {
  const lost = () => {
    const stores = createMemoryRevocations()
    stores.entries.set('revoked/users/alice/', entry(now + 100))
    stores.entries.set('revoked/users/carol/', 'damaged')
    stores.entries.set('revoked/users/old/', entry(now - 200_000))
    stores.entries.set('revoked/../', entry(now + 100))
    return stores
  }
  const rebuilt = [
    newRevocation({ prefix: alice }, now + 100),
    newRevocation({ prefix: parseResourcePrefix('/users/carol/') }, now),
  ]

  it('is a fault to its readers', async () => {
    await expect(readRevocations(lost(), now)).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    expect(await readRevocations(createMemoryRevocations(), now)).toEqual({ revocations: [] })
  })

  it('is rebuilt by every writer, for everybody and for the longest lifetime', async () => {
    const lines: string[] = []
    const work = { now, report: (line: string) => void lines.push(line) }
    const stores = lost()
    expect(await syncRevocations(stores, work)).toEqual({ revocations: rebuilt })
    expect(await readRevocations(stores, now)).toEqual({ revocations: rebuilt })
    expect([...stores.entries.keys()]).toEqual(['revoked/users/alice/', 'revoked/users/carol/'])
    expect(lines).toEqual(['revocation state: 2 taken over from the KeyValueStore'])

    const revoking = lost()
    await revoke({ prefix: bob }, revoking, now)
    expect((await readRevocations(revoking, now)).revocations).toEqual([
      ...rebuilt,
      newRevocation({ prefix: bob }, now + 120),
    ])

    const undoing = lost()
    expect(await restore({ prefix: alice }, undoing, now)).toBe(true)
    expect((await readRevocations(undoing, now)).revocations).toEqual(rebuilt.slice(1))
  })

  it.each(['{"before":1e300}', '{"before":-1}', '{"before":1.5}', '{"before":"x"}', 'null', ''])(
    'refuses everything that exists where an entry is damaged: %s',
    (value) => {
      const entries = new Map([['revoked/users/alice/', value]])
      expect(revocationsOf(entries, now)).toEqual([newRevocation({ prefix: alice }, now)])
    },
  )
})

describe('a bucket that was changed', () => {
  const homes = () => {
    const memory = createMemoryRevocations()
    const other = createMemoryRevocations()
    const before = { ...memory, home: 'before' }
    const after = { ...memory, state: other.state, home: 'after' }
    return { memory, before, after }
  }
  const deploy = (stores: RevocationStores) => syncRevocations(stores, { now, stampKey: 'k', claim: true })

  it('takes its revocations along, into an empty bucket and into one with an older state', async () => {
    const { memory, before, after } = homes()
    await deploy(before)
    await revoke({ prefix: alice, sub: 'alice' }, before, now)
    await deploy(after)
    expect((await readRevocations(after, now)).revocations).toEqual([newRevocation({ prefix: alice }, now + 120)])
    await revoke({ prefix: bob }, after, now)
    // Rolled back, or changed back: the first bucket has never heard of bob.
    await deploy(before)
    expect((await readRevocations(before, now)).revocations.map(({ prefix }) => prefix).sort()).toEqual([
      alice,
      alice,
      bob,
    ])
    expect([...memory.entries.keys()].sort()).toEqual(
      ['revoked/users/alice/', 'revoked/users/bob/', stampKeyName, stateHomeName].sort(),
    )
  })

  it('refuses a writer that still works on the old one, which would delete what the new one has', async () => {
    const { memory, before, after } = homes()
    await deploy(before)
    await deploy(after)
    await revoke({ prefix: bob }, after, now)
    for (const work of [() => revoke({ prefix: alice }, before, now), () => syncRevocations(before, { now })]) {
      await expect(work()).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    }
    expect(memory.entries.has('revoked/users/bob/')).toBe(true)
    expect(before.json()).not.toContain('alice')
  })
})

it('an entry for a prefix has the latest time over all subjects, and only while it counts', () => {
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
