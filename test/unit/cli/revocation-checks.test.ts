import { describe, expect, it } from 'vitest'
import { type DoctorFinding, repairOf, runCheck } from '../../../cli/doctor/check.ts'
import { checkRevocations, checkStampKey } from '../../../cli/doctor/revocation-checks.ts'
import { parseResourcePrefix } from '../../../shared/grant/resource-prefix.ts'
import { stampKeyName, stateHomeName } from '../../../shared/revocation/key-value.ts'
import { revoke } from '../../../shared/revocation/revoke.ts'
import { parseRevocationState } from '../../../shared/revocation/state.ts'
import { createMemoryRevocations, type MemoryRevocations } from '../../support/revocation-stores.ts'

const now = 1_893_456_000
const alice = parseResourcePrefix('/users/alice/')
const entry = (before: number) => JSON.stringify({ before })

/** A consistent stage in which alice is revoked. */
async function stage(): Promise<MemoryRevocations & { home: string }> {
  const stores = { ...createMemoryRevocations(), home: 'files' }
  stores.entries.set(stampKeyName, 'k').set(stateHomeName, 'files')
  await revoke({ prefix: alice, sub: 'alice' }, stores, now)
  return stores
}

/** The finding before and after its repair. */
async function repaired(run: () => Promise<DoctorFinding>) {
  const before = await run()
  const lines = await repairOf(before)?.run()
  return { before, lines, after: await run() }
}

describe('doctor and repair: revocations (I5)', () => {
  it('finds no fault if state and KeyValueStore agree, and counts expired entries', async () => {
    const stores = await stage()
    expect(await checkRevocations({ stores, now })).toEqual({ status: 'pass', detail: '1 in force' })
    const later = now + 100_000
    const expired = await checkRevocations({ stores, now: later })
    expect(expired).toEqual({ status: 'pass', detail: '0 in force, 1 expired that the daily rule drops' })
  })

  it('finds a missing state beside entries, and rebuilds it for everybody', async () => {
    const stores = createMemoryRevocations()
    stores.entries.set('revoked/users/alice/', entry(now + 10))
    const { before, lines, after } = await repaired(() => checkRevocations({ stores, now }))
    expect(before).toMatchObject({ status: 'fail', detail: expect.stringContaining('refuses 1 prefix') })
    expect(repairOf(before)?.does).toBe('rebuild the revocation state for /users/alice/, for everybody')
    expect(lines?.[0]).toBe('revocation state: 1 taken over from the KeyValueStore')
    expect(after.status).toBe('pass')
    expect(parseRevocationState(stores.json() ?? '').revocations).toEqual([
      { prefix: alice, before: now + 10, expires: expect.any(Number) },
    ])
  })

  it('finds a missing state without entries, and writes an empty one', async () => {
    const stores = createMemoryRevocations()
    const { before, after } = await repaired(() => checkRevocations({ stores, now }))
    expect(repairOf(before)?.does).toBe('write an empty revocation state')
    expect([after.status, stores.json()]).toEqual(['pass', '{"revocations":[]}'])
  })

  it('finds a revocation that is not in the KeyValueStore, or with an earlier time, and writes it', async () => {
    for (const break_ of [
      (stores: MemoryRevocations) => stores.entries.delete('revoked/users/alice/'),
      (stores: MemoryRevocations) => stores.entries.set('revoked/users/alice/', entry(now)),
    ]) {
      const stores = await stage()
      break_(stores)
      const { before, after } = await repaired(() => checkRevocations({ stores, now }))
      expect(before).toMatchObject({ status: 'fail', detail: '1 of 1 are not in the KeyValueStore' })
      expect(repairOf(before)?.does).toBe('refuse /users/alice/ in the KeyValueStore')
      expect([after.status, stores.entries.get('revoked/users/alice/')]).toEqual(['pass', entry(now + 120)])
    }
  })

  it('finds an entry that no revocation names, and says that its repair opens the prefix', async () => {
    const stores = await stage()
    stores.entries.set('revoked/users/bob/', entry(now))
    const { before, after } = await repaired(() => checkRevocations({ stores, now }))
    expect(repairOf(before)?.does).toBe('open /users/bob/ in the KeyValueStore')
    expect([after.status, stores.entries.has('revoked/users/bob/')]).toEqual(['pass', false])
  })

  it('repairs neither a damaged state nor a KeyValueStore of another bucket, but says what to do', async () => {
    const damaged = await stage()
    await damaged.state.save('{', (await damaged.state.load())?.version)
    const foreign = await stage()
    foreign.entries.set(stateHomeName, 'another')
    for (const [stores, remedy] of [
      [damaged, 'restore its last version'],
      [foreign, 'deploy again'],
    ] as const) {
      const finding = await checkRevocations({ stores, now })
      expect(finding).toMatchObject({ status: 'fail', remedy: expect.stringContaining(remedy) })
      expect(repairOf(finding)).toBeUndefined()
    }
  })

  it('finds a stamp key that differs from the secret, and writes that of the secret', async () => {
    const stores = await stage()
    const { before, after } = await repaired(() => checkStampKey({ stores, now }, 'other'))
    expect([before.status, after.status, stores.entries.get(stampKeyName)]).toEqual(['fail', 'pass', 'other'])
    expect(JSON.stringify(before)).not.toContain('other')
  })

  it('reports an unavailable store as a failure of the check', async () => {
    const stores = await stage()
    const away = { ...stores, keyValues: { ...stores.keyValues, list: () => Promise.reject(new Error('away')) } }
    const result = await runCheck({ name: 'revocations', run: () => checkRevocations({ stores: away, now }) })
    expect(result).toMatchObject({ status: 'fail', detail: 'Error: away' })
  })
})
