/**
 * Explores the orders in which concurrent writers reach a shared service. A writer is an async function that passes a gate before
 * each of its calls; one gate is opened at a time, so that a run is fixed by the list of choices made.
 */

/** Passed before each call; the call itself must then happen without a further wait. */
export type Gate = () => Promise<void>

/** One writer. What it throws ends it; the test notes its success itself. */
export type Writer = (gate: Gate) => Promise<void>

/**
 * Picks one of `count` writers that can go on.
 *
 * @param state all that decides how the run goes on: what each writer was answered, and what the service holds.
 */
export type Choose = (count: number, state: string) => number

/**
 * Runs the writers to their ends.
 *
 * @param state see `Choose`.
 * @param isCrashed writers for which this says so, after so many of their calls, are never let on.
 * @param afterStep runs after each call.
 */
export async function runInterleaved(
  writers: readonly Writer[],
  choose: Choose,
  state: () => string,
  afterStep: () => void,
  isCrashed: (writer: number, calls: number) => boolean = () => false,
): Promise<void> {
  const running = writers.map(start)
  const calls = writers.map(() => 0)
  await Promise.all(running.map(({ settled }) => settled()))
  for (;;) {
    const ready = [...running.keys()].filter((i) => running[i]?.isWaiting() && !isCrashed(i, calls[i] ?? 0))
    if (ready.length === 0) return
    const next = ready[ready.length === 1 ? 0 : choose(ready.length, state())] ?? 0
    calls[next] = (calls[next] ?? 0) + 1
    running[next]?.open()
    await running[next]?.settled()
    afterStep()
  }
}

/**
 * Explores every order, depth first. Where a run comes to a state that another has been in, all that could follow was explored from
 * there, and the run ends: orders that differ in reads only meet again.
 *
 * @returns the number of states in which there was a choice.
 */
export async function runEveryOrder(run: (choose: Choose) => Promise<void>): Promise<number> {
  let given: number[] = []
  const seen = new Set<string>()
  for (;;) {
    const taken: { readonly choice: number; readonly count: number }[] = []
    try {
      await run((count, state) => {
        if (taken.length >= given.length) {
          if (seen.has(state)) throw new Explored()
          seen.add(state)
        }
        const choice = given[taken.length] ?? 0
        taken.push({ choice, count })
        return choice
      })
    } catch (error) {
      if (!(error instanceof Explored)) throw error
    }
    while (taken.length > 0 && (taken.at(-1)?.choice ?? 0) + 1 === taken.at(-1)?.count) taken.pop()
    if (taken.length === 0) return seen.size
    given = taken.map(({ choice }, i) => (i === taken.length - 1 ? choice + 1 : choice))
  }
}

/** A generator of numbers from 0 up to 1 that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Ends a run whose rest was explored. */
class Explored extends Error {}

function start(writer: Writer) {
  let open: (() => void) | undefined
  let arrive: () => void = () => undefined
  let arrival = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const gate: Gate = () =>
    new Promise((resolve) => {
      open = resolve
      arrive()
    })
  void writer(gate)
    .catch(() => undefined)
    .finally(() => arrive())
  return {
    isWaiting: () => open !== undefined,
    /** Resolves when the writer waits at a gate, or has ended. */
    settled: () => arrival,
    open() {
      const pass = open
      open = undefined
      arrival = new Promise((resolve) => {
        arrive = resolve
      })
      pass?.()
    },
  }
}
