import { describe, expect, it } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import { parseGrantTemplate } from '../../../../shared/grant/template.ts'
import { readRevocations, restore, revoke, syncRevocations } from '../../../../shared/revocation/revoke.ts'
import { serializeRevocationState } from '../../../../shared/revocation/state.ts'
import { isRevocable } from '../../../../shared/revocation/stores.ts'
import { createMemoryRevocations } from '../../../support/revocation-stores.ts'

const now = 1_893_456_000
const alice = parseResourcePrefix('/users/alice/')
const bob = parseResourcePrefix('/users/bob/')
const entry = (before: number) => JSON.stringify({ before })

describe('revoke', () => {
  it('writes state and KeyValueStore, two minutes ahead', async () => {
    const stores = createMemoryRevocations()
    await revoke({ prefix: alice, sub: 'alice' }, stores, now)
    expect([...stores.entries]).toEqual([['revoked/users/alice/', entry(now + 120)]])
    expect(await readRevocations(stores, now)).toEqual({
      revocations: [{ prefix: alice, sub: 'alice', before: now + 120, expires: expect.any(Number) }],
    })
  })

  it('loses no entry of another writer that was faster', async () => {
    const stores = createMemoryRevocations()
    await revoke({ prefix: bob }, stores, now)
    const other = { prefix: parseResourcePrefix('/users/carol/'), before: now + 1, expires: now + 9999 }
    const { revocations } = await readRevocations(stores, now)
    stores.beforeWrite(() => {
      // At once, as the slower writer has already read what was there.
      void stores.state.save(serializeRevocationState({ revocations: [...revocations, other] }), '"1"')
    })
    await revoke({ prefix: alice }, stores, now)
    const kept = (await readRevocations(stores, now)).revocations.map(({ prefix }) => prefix)
    expect(new Set(kept)).toEqual(new Set([alice, bob, other.prefix]))
    expect(new Set(stores.entries.keys())).toEqual(new Set(kept.map((prefix) => `revoked${prefix}`)))
  })

  it('completes on a second run what a failure left undone', async () => {
    const stores = createMemoryRevocations()
    const failing = { ...stores, keyValues: { ...stores.keyValues, update: () => Promise.reject(new Error('down')) } }
    await expect(revoke({ prefix: alice }, failing, now)).rejects.toThrow('down')
    // Minting has ended already.
    expect(stores.json()).toContain('/users/alice/')
    await revoke({ prefix: alice }, stores, now)
    expect(stores.entries.has('revoked/users/alice/')).toBe(true)
  })
})

describe('restore', () => {
  it('takes back the one of this prefix and subject, and leaves the others', async () => {
    const stores = createMemoryRevocations()
    for (const order of [{ prefix: alice, sub: 'alice' }, { prefix: alice }, { prefix: bob }]) {
      await revoke(order, stores, now)
    }
    expect(await restore({ prefix: alice, sub: 'alice' }, stores, now)).toBe(true)
    // Everybody's revocation of the prefix still stands.
    expect([...stores.entries.keys()].sort()).toEqual(['revoked/users/alice/', 'revoked/users/bob/'])
    expect(await restore({ prefix: alice }, stores, now)).toBe(true)
    expect([...stores.entries.keys()]).toEqual(['revoked/users/bob/'])
    expect(await restore({ prefix: alice }, stores, now)).toBe(false)
  })

  it('leaves what is not a revocation in the KeyValueStore', async () => {
    const stores = createMemoryRevocations()
    stores.entries.set('stampKey', 'k')
    await revoke({ prefix: alice }, stores, now)
    await restore({ prefix: alice }, stores, now)
    expect([...stores.entries]).toEqual([['stampKey', 'k']])
  })
})

it('entries expire when the longest cookie has', async () => {
  const stores = createMemoryRevocations()
  const { expires } = await revoke({ prefix: alice }, stores, now)
  expect(expires).toBeGreaterThanOrEqual(now + 120 + 86_400)
  await syncRevocations(stores, { now: expires - 1 })
  expect(stores.entries.size).toBe(1)
  await syncRevocations(stores, { now: expires })
  expect(stores.entries.size).toBe(0)
  expect(stores.json()).toBe('{"revocations":[]}')
})

it('only prefixes that a template can grant are revocable', () => {
  const templates = ['/users/{sub}/*', '/orgs/{claims.org}/shared/*'].map(parseGrantTemplate)
  const revocable = (prefix: string) => isRevocable(parseResourcePrefix(prefix), templates)
  expect(['/users/alice/', '/users/zo%C3%AB%20w/', '/orgs/a/shared/'].map(revocable)).toEqual([true, true, true])
  for (const prefix of ['/users/', '/users/alice/photos/', '/user/alice/', '/orgs/a/', '/orgs/a/private/']) {
    expect(revocable(prefix), prefix).toBe(false)
  }
})
