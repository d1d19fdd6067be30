import { describe, expect, it } from 'vitest'
import type { KeyAlgorithm } from '../../../../shared/keys/key-algorithm.ts'
import type { SigningKey } from '../../../../shared/keys/key-document.ts'
import { keyTimes, retirementAge, waitingTime } from '../../../../shared/keys/key-times.ts'
import { planMaintenance, retiresAt } from '../../../../shared/keys/maintenance-plan.ts'
import { makeKeyDocument, makeKeyPair, publicKeyPem, signingKey } from '../../../../shared/keys/make-key-pair.ts'

const now = 1_800_000_000
const day = 86_400
const mark = 'svc/dev/keys'

function key(id: string, notBefore: number, algorithm: KeyAlgorithm = 'ES256'): SigningKey {
  return signingKey(makeKeyPair(algorithm), id, notBefore)
}

interface Scene {
  readonly keys: readonly SigningKey[]
  /** Ids in the group; default: all of `keys`. */
  readonly group?: readonly string[]
  /** Further public keys: id, age in seconds, mark. */
  readonly others?: readonly (readonly [id: string, age: number, comment: string])[]
  readonly writtenAgo?: number
  /** Ids under which CloudFront holds another public key. */
  readonly swapped?: readonly string[]
  readonly algorithm?: KeyAlgorithm
}

function plan({ keys, group, others = [], writtenAgo = 10, algorithm = 'ES256', swapped = [] }: Scene) {
  const [first] = keys
  if (first === undefined) throw new Error('a document has a key')
  const published = keys.map(({ keyPairId, publicKey }) => ({
    ...{ id: keyPairId, name: keyPairId, comment: mark, createdAt: now - 30 * day },
    pem: publicKeyPem(swapped.includes(keyPairId) ? makeKeyPair('ES256').publicKey : publicKey),
  }))
  const more = others.map(([id, age, comment]) => ({ id, name: id, comment, pem: 'x', createdAt: now - age }))
  const document = { ...makeKeyDocument(first, undefined), keys }
  const keyPairIds = group ?? keys.map(({ keyPairId }) => keyPairId)
  return planMaintenance(
    {
      document,
      writtenAt: now - writtenAgo,
      group: { id: 'G', name: 'g', comment: mark, keyPairIds, version: '1', modifiedAt: now },
      published: [...published, ...more],
      mark,
    },
    { algorithm, times: keyTimes, now },
  )
}

const ids = (keys: readonly SigningKey[]) => keys.map(({ keyPairId }) => keyPairId)

describe('a key', () => {
  it('stays as long as anything that it signed may be in use, and not a second longer', () => {
    const usable = now - retirementAge(keyTimes)
    const atTheEnd = plan({ keys: [key('K1', 1), key('K2', usable)] })
    expect(ids(atTheEnd.keys)).toEqual(['K2'])
    expect(atTheEnd.leave).toEqual(['K1'])
    expect(atTheEnd.unpublish).toEqual(['K1'])
    expect(ids(plan({ keys: [key('K1', 1), key('K2', usable + 1)] }).keys)).toEqual(['K1', 'K2'])
  })

  it('is counted from its own successor, not from the newest key', () => {
    const keys = [key('K1', 1), key('K2', now - 3 * day), key('K3', now - 60)]
    expect(ids(plan({ keys }).keys)).toEqual(['K2', 'K3'])
    expect(retiresAt(keys[1] as SigningKey, keys, keyTimes)).toBe(now - 60 + retirementAge(keyTimes))
    expect(retiresAt(keys[2] as SigningKey, keys, keyTimes)).toBeUndefined()
  })

  it('lives longer than cookies, cache and two clocks together', () => {
    expect(retirementAge(keyTimes)).toBeGreaterThanOrEqual(day + 3600 + 300)
    expect(waitingTime(keyTimes)).toBeGreaterThanOrEqual(keyTimes.propagation + 600)
  })

  it('that was taken out of the group is dropped, and its public key with it', () => {
    const { keys, unpublish, fates } = plan({ keys: [key('K1', 1), key('K2', now - 60)], group: ['K1'] })
    expect(ids(keys)).toEqual(['K1'])
    expect(unpublish).toEqual(['K2'])
    expect([...fates.values()]).toEqual(['kept', 'withdrawn'])
  })

  it('does not retire for a successor that CloudFront does not trust', () => {
    const keys = [key('K1', 1), key('K2', now - retirementAge(keyTimes))]
    expect(ids(plan({ keys }).keys)).toEqual(['K2'])
    expect(ids(plan({ keys, group: ['K1'] }).keys)).toEqual(['K1'])
    expect(ids(plan({ keys, swapped: ['K2'] }).keys)).toEqual(['K1'])
  })

  it('whose id is that of another public key is dropped', () => {
    const { fates, keys } = plan({ keys: [key('K1', 1), key('K2', now - 60)], swapped: ['K2'] })
    expect([...fates.values()]).toEqual(['kept', 'mismatched'])
    expect(ids(keys)).toEqual(['K1'])
  })

  it('of another algorithm goes only while it has signed nothing', () => {
    const waiting = [key('K1', 1), key('K2', now + 1000, 'RS256')]
    expect(ids(plan({ keys: waiting }).keys)).toEqual(['K1'])
    expect(ids(plan({ keys: waiting, algorithm: 'RS256' }).keys)).toEqual(['K1', 'K2'])
    // Within the skew a clock that runs ahead may have let it sign.
    const perhapsUsed = [key('K1', 1), key('K2', now + keyTimes.clockSkew, 'RS256')]
    expect(ids(plan({ keys: perhapsUsed }).keys)).toEqual(['K1', 'K2'])
  })
})

describe('a key that waits', () => {
  const waiting = [key('K2', now + 700), key('K3', now + 900)]
  const atOnce = now - 2 * keyTimes.clockSkew

  it('signs at once where no other can, and only the one that CloudFront has known longest', () => {
    const { keys, broughtForward } = plan({ keys: [key('K1', 1), ...waiting], group: ['K2', 'K3'] })
    expect(keys.map(({ keyPairId, notBefore }) => [keyPairId, notBefore])).toEqual([
      ['K2', atOnce],
      ['K3', now + 900],
    ])
    expect(broughtForward).toBe(waiting[0])
  })

  it('waits on where another signs, by any clock', () => {
    const signing = key('K1', atOnce)
    expect(plan({ keys: [signing, ...waiting] })).toMatchObject({
      keys: [signing, ...waiting],
      broughtForward: undefined,
    })
    expect(plan({ keys: [key('K1', atOnce + 1), ...waiting] }).broughtForward?.keyPairId).toBe('K1')
  })

  it('is not brought forward where it leaves itself', () => {
    expect(plan({ keys: [key('K1', 1), ...waiting], group: [] })).toMatchObject({ keys: [], broughtForward: undefined })
  })
})

describe('a public key that no document names', () => {
  it('goes after an hour, or after a day in the group, and never before', () => {
    const keys = [key('K1', 1)]
    expect(plan({ keys, others: [['X', 3599, mark]] })).toMatchObject({ abandoned: [], unpublish: [] })
    expect(plan({ keys, others: [['X', 3600, mark]] })).toMatchObject({ abandoned: ['X'], unpublish: [] })
    const inGroup = { keys, group: ['K1', 'X'], others: [['X', 40 * day, mark]] as const }
    expect(plan({ ...inGroup, writtenAgo: retirementAge(keyTimes) - 1 }).unpublish).toEqual([])
    expect(plan({ ...inGroup, writtenAgo: retirementAge(keyTimes) })).toMatchObject({ unpublish: ['X'], leave: ['X'] })
  })

  it('is left alone where it is not ours', () => {
    const scene = { keys: [key('K1', 1)], group: ['K1', 'X'], others: [['X', 99 * day, 'else']] as const }
    expect(plan({ ...scene, writtenAgo: 99 * day })).toMatchObject({
      abandoned: [],
      unpublish: [],
      leave: [],
      foreign: ['X'],
    })
  })
})
