import { describe, expect, it } from 'vitest'
import { parseResourcePrefix } from '../../../../shared/grant/resource-prefix.ts'
import type { Clock } from '../../../../shared/operations/retry.ts'
import { stampKeyName } from '../../../../shared/revocation/key-value.ts'
import { revocationEntries } from '../../../../shared/revocation/revocation-pair.ts'
import { restore, revoke, syncRevocations } from '../../../../shared/revocation/revoke.ts'
import { newRevocation, parseRevocationState, serializeRevocationState } from '../../../../shared/revocation/state.ts'
import type { RevocationStores } from '../../../../shared/revocation/stores.ts'
import {
  type Choose,
  type Gate,
  runEveryOrder,
  runInterleaved,
  seededRandom,
  type Writer,
} from '../../../support/interleavings.ts'

/**
 * Several writers at the same state object and KeyValueStore, in every order of their calls. After each call, every revocation
 * that was confirmed must be in both places.
 */
const now = 1_893_456_000
const clock: Clock = { nowMs: () => 0, random: () => 0.5, wait: async () => undefined }
const alice = parseResourcePrefix('/users/alice/')
const bob = parseResourcePrefix('/users/bob/')
const team = parseResourcePrefix('/teams/red/')
const old = parseResourcePrefix('/users/old/')
const before = now + 120

/** Both places behind gates, with lists that show a change only after `delay` further calls. */
function createStage(delay: number) {
  let text: string | undefined
  let stateVersion = 0
  let version = 0
  let calls = 0
  const history: { readonly at: number; readonly entries: ReadonlyMap<string, string> }[] = [
    { at: Number.NEGATIVE_INFINITY, entries: new Map() },
  ]
  const actual = () => history.at(-1)?.entries ?? new Map<string, string>()
  const listed = () => history.findLast(({ at }) => at + delay <= calls)?.entries ?? new Map<string, string>()
  const logs: unknown[][] = []
  const open = (pass: Gate): RevocationStores => {
    const log: unknown[] = []
    logs.push(log)
    const gate = async () => {
      await pass()
      calls += 1
    }
    const answer = <T>(value: T): T => {
      log.push(value)
      return value
    }
    return {
      clock,
      state: {
        async load() {
          await gate()
          return answer(text === undefined ? undefined : { json: text, version: String(stateVersion) })
        },
        async save(json, expected) {
          await gate()
          if (expected !== (text === undefined ? undefined : String(stateVersion))) return answer('changed-meanwhile')
          text = json
          stateVersion += 1
          return answer('saved')
        },
      },
      keyValues: {
        // Two calls, as at CloudFront: the version, then the keys.
        async list() {
          await gate()
          const read = answer(String(version))
          await gate()
          return { entries: new Map(answer([...listed()])), version: read }
        },
        async update({ puts, deletes }, expected) {
          await gate()
          if (expected !== String(version)) return answer('changed-meanwhile')
          const entries = new Map(actual())
          for (const key of deletes) entries.delete(key)
          for (const [key, value] of puts) entries.set(key, value)
          history.push({ at: calls, entries })
          version += 1
          return answer('updated')
        },
      },
    }
  }
  return {
    open,
    entries: actual,
    key: () =>
      JSON.stringify([logs, text, version, history.map(({ at, entries }) => [delay > 0 ? at : 0, ...entries])]),
    state: () => (text === undefined ? { revocations: [] } : parseRevocationState(text)),
    /** Lets every list catch up. */
    settle: () => {
      calls = Number.POSITIVE_INFINITY
    },
  }
}

/** Steps of a writer, and the prefix that it confirms as refused (or as open again, for an undo). */
interface Actor {
  readonly run: (stores: RevocationStores) => Promise<unknown>
  readonly revokes?: typeof alice
  readonly opens?: typeof alice
}

const revokes = (prefix: typeof alice, sub?: string): Actor => ({
  run: (stores) => revoke({ prefix, ...(sub === undefined ? {} : { sub }) }, stores, now),
  revokes: prefix,
})
const undoes = (prefix: typeof alice): Actor => ({
  run: (stores) => restore({ prefix }, stores, now),
  opens: prefix,
})
const dailyRule: Actor = { run: (stores) => syncRevocations(stores, { now }) }
const deploy: Actor = { run: (stores) => syncRevocations(stores, { now, stampKey: 'k', claim: true }) }

const direct: Gate = async () => undefined

/** State and KeyValueStore before a run: consistent, or as a writer that died left them. */
const starts: Readonly<Record<string, { state: (typeof alice)[]; entries: (typeof alice)[] } | undefined>> = {
  'an empty stage': undefined,
  'one entry expired': { state: [old, bob], entries: [old, bob] },
  'an undo that left its entry': { state: [bob], entries: [bob, alice] },
  'a revocation that wrote no entry': { state: [bob], entries: [] },
}

/** One run; throws where a confirmed revocation is missing at any moment, or the places differ at the end. */
async function play(
  actors: readonly Actor[],
  { start, delay = 0, crashed }: { start: string; delay?: number; crashed?: [number, number] },
  choose: Choose,
): Promise<void> {
  const stage = createStage(delay)
  const held = starts[start]
  if (held !== undefined) {
    const { state, keyValues } = stage.open(direct)
    const revocations = held.state.map((prefix) => ({
      ...newRevocation({ prefix }, before),
      ...(prefix === old ? { expires: now - 1 } : {}),
    }))
    await state.save(serializeRevocationState({ revocations }), undefined)
    const puts = new Map(held.entries.map((prefix) => [`revoked${prefix}`, JSON.stringify({ before })]))
    await keyValues.update({ puts, deletes: [] }, '0')
    for (let i = 0; i < delay; i++) await state.load()
  }
  const opened = new Set(actors.flatMap(({ opens = [] }) => opens))
  const confirmed = new Set(held?.entries.includes(bob) && !opened.has(bob) ? [bob] : [])
  const check = () => {
    for (const prefix of confirmed) {
      if (stage.entries().get(`revoked${prefix}`) !== JSON.stringify({ before })) throw new Error(`lost: ${prefix}`)
      if (!stage.state().revocations.some((held) => held.prefix === prefix))
        throw new Error(`not in the state: ${prefix}`)
    }
  }
  const outcomes: unknown[] = []
  const writers = actors.map(
    ({ run, revokes }): Writer =>
      async (gate) => {
        outcomes.push(await run(stage.open(gate)).catch((error: unknown) => error))
        if (revokes !== undefined && !opened.has(revokes)) confirmed.add(revokes)
      },
  )
  await runInterleaved(
    writers,
    choose,
    stage.key,
    check,
    (writer, calls) => crashed?.[0] === writer && calls >= crashed[1],
  )
  for (const outcome of outcomes) if (outcome instanceof Error) throw outcome
  if (delay > 0 || crashed !== undefined) {
    // What the lists hid, or a writer left undone, the next one completes.
    stage.settle()
    await syncRevocations(stage.open(direct), { now })
  }
  check()
  const entries = new Map([...stage.entries()].filter(([key]) => key !== stampKeyName))
  expect(entries).toEqual(revocationEntries(stage.state(), now))
}

const pairs: readonly (readonly [title: string, actors: readonly [Actor, Actor]])[] = [
  ['two revocations', [revokes(alice), revokes(team)]],
  ['two revocations of one prefix', [revokes(team, 'alice'), revokes(team, 'bob')]],
  ['a revocation and the daily rule', [revokes(alice), dailyRule]],
  ['a revocation and a deploy', [revokes(alice), deploy]],
  ['a revocation and the undo of another', [revokes(alice), undoes(bob)]],
  ['a revocation and the undo of the same prefix', [revokes(bob), undoes(bob)]],
  ['an undo and the daily rule', [undoes(bob), dailyRule]],
  ['a deploy and the daily rule', [deploy, dailyRule]],
]

const everyStart = Object.keys(starts)

describe('in every order of the calls of two writers', () => {
  it.each(pairs)('%s: what was confirmed is in both places, and they agree at the end', async (_title, actors) => {
    for (const start of everyStart) {
      expect(await runEveryOrder((choose) => play(actors, { start }, choose)), start).toBeGreaterThan(10)
    }
  })

  it.each(pairs)('%s: also while lists lag behind by three calls', async (_title, actors) => {
    for (const start of everyStart) await runEveryOrder((choose) => play(actors, { start, delay: 3 }, choose))
  })

  it.each([
    ['a revocation', revokes(team)],
    ['an undo', undoes(bob)],
    ['a deploy', deploy],
    ['the daily rule', dailyRule],
  ] as const)('%s that dies at any of its calls takes nothing back', async (_title, dying) => {
    for (let calls = 0; calls < 7; calls++) {
      for (const start of everyStart) {
        await runEveryOrder((choose) => play([revokes(alice), dying], { start, crashed: [1, calls] }, choose))
      }
    }
  })
})

it('three and four writers in random orders, with lists that lag', async () => {
  const all = [
    revokes(alice),
    revokes(team, 'alice'),
    undoes(bob),
    dailyRule,
    deploy,
    revokes(team),
    revokes(alice, 'x'),
  ]
  for (let seed = 1; seed <= 600; seed++) {
    const random = seededRandom(seed)
    const pick = (count: number) => Math.floor(random() * count)
    const actors = Array.from({ length: 3 + pick(2) }, () => all[pick(all.length)] as Actor)
    const crashed: [number, number] | undefined = pick(2) === 0 ? undefined : [0, pick(10)]
    const start = everyStart[pick(everyStart.length)] ?? ''
    const options = { start, delay: pick(6), ...(crashed === undefined ? {} : { crashed }) }
    await play(actors, options, pick).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
  }
})
