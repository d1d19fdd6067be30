import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import {
  addRevocation,
  isSessionRevoked,
  parseRevocationState,
  pruneRevocations,
  type Revocation,
  revokedBefore,
  serializeRevocationState,
} from '../../../../shared/revocation/state.ts'

const alice = parseResourcePrefix('/users/alice/')
const red = parseResourcePrefix('/teams/red/')
const revocation = (prefix = alice, change: Partial<Revocation> = {}): Revocation => ({
  prefix,
  before: 100,
  expires: 1000,
  ...change,
})

describe('parseRevocationState', () => {
  test('reads back what serializeRevocationState wrote', () => {
    const one = fc.record(
      { prefix: fc.constantFrom(alice, red), sub: fc.string(), before: fc.nat(), expires: fc.nat() },
      { requiredKeys: ['prefix', 'before', 'expires'] },
    ) as fc.Arbitrary<Revocation>
    fc.assert(
      fc.property(fc.array(one), (revocations) => {
        expect(parseRevocationState(serializeRevocationState({ revocations }))).toEqual({ revocations })
      }),
    )
  })

  test.each<unknown>([
    undefined,
    null,
    [],
    {},
    { revocations: {} },
    { revocations: [null] },
    { revocations: [{ ...revocation(), prefix: '/users/alice' }] },
    { revocations: [{ ...revocation(), prefix: 7 }] },
    { revocations: [{ ...revocation(), sub: null }] },
    { revocations: [{ ...revocation(), before: '100' }] },
    { revocations: [{ ...revocation(), expires: undefined }] },
    { revocations: [revocation(), { ...revocation(), before: 1.5 }] },
  ])('is closed for a damaged state: %j', (state) => {
    expect(() => parseRevocationState(JSON.stringify(state) ?? '{')).toThrow(
      expect.objectContaining({ name: 'ServiceError', code: 'ERR_STATE_UNAVAILABLE' }),
    )
  })
})

describe('isSessionRevoked', () => {
  const session = { sub: 'alice', issuedAt: 100 }
  const prefixes = [alice, red]
  const isRevoked = (entry: Revocation, change = {}) =>
    isSessionRevoked({ revocations: [entry] }, { ...session, ...change }, prefixes)

  test.each([
    ['a session from before', revocation(), {}, true],
    ['a session from after', revocation(), { issuedAt: 101 }, false],
    ['a session that does not say when', revocation(), { issuedAt: undefined }, true],
    ['one of several prefixes', revocation(red), {}, true],
    ['a prefix dependencies the grant', revocation(parseResourcePrefix('/users/')), {}, true],
    ['a prefix inside the grant', revocation(parseResourcePrefix('/users/alice/x/')), {}, true],
    ["somebody else's prefix", revocation(parseResourcePrefix('/users/alice2/')), {}, false],
    ['the same subject', revocation(red, { sub: 'alice' }), {}, true],
    ['another subject', revocation(red, { sub: 'bob' }), {}, false],
  ])('%s', (_what, entry, change, expected) => expect(isRevoked(entry, change)).toBe(expected))

  test('nothing is revoked by an empty state', () => {
    expect(isSessionRevoked({ revocations: [] }, session, prefixes)).toBe(false)
  })
})

describe('addRevocation', () => {
  test('drops what expired', () => {
    const state = { revocations: [revocation(red, { expires: 500 }), revocation(red, { sub: 'bob', expires: 501 })] }
    expect(addRevocation(state, revocation(), 500).revocations).toEqual([state.revocations[1], revocation()])
    expect(pruneRevocations(state, 501).revocations).toEqual([])
  })

  test('never gives access back', () => {
    const state = { revocations: [revocation(alice, { before: 300, expires: 2000 })] }
    expect(addRevocation(state, revocation(), 0)).toEqual(state)
    expect(addRevocation(state, revocation(alice, { before: 400 }), 0).revocations).toEqual([
      revocation(alice, { before: 400, expires: 2000 }),
    ])
  })

  test('keeps subjects apart', () => {
    const state = { revocations: [revocation(red)] }
    expect(addRevocation(state, revocation(red, { sub: 'bob' }), 0).revocations).toHaveLength(2)
  })
})

test('the latest revocation of a path counts, in whichever order the state holds them', () => {
  const early = revocation(alice, { before: 100 })
  const late = revocation(parseResourcePrefix('/users/'), { before: 300, sub: 'bob' })
  for (const revocations of [
    [early, late],
    [late, early],
  ]) {
    expect(revokedBefore({ revocations }, '/users/alice/a.bin')).toBe(300)
  }
  expect(revokedBefore({ revocations: [early] }, '/users/alice2/a.bin')).toBeUndefined()
})
