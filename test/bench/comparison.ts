/** A measurement whose variants are run in turn, each time in a fresh process, and reported as ratios of medians. */
export interface Comparison {
  /** Title of the comparison. */
  readonly name: string
  /** Unit of a variant's figure, such as `signatures/s` or `ms`. */
  readonly unit: string
  /** Each returns one figure. Runs in a process of its own: measures after its own warm-up. */
  readonly variants: Readonly<Record<string, () => Promise<number>>>
  readonly ratios: readonly Ratio[]
  /** Finds out if this machine lacks something for it, and says what: then the comparison is skipped by name. */
  readonly missing?: () => Promise<string | undefined>
  /** Something that all variants need, such as a running server; started once, in the runner's process. */
  readonly prepare?: () => Promise<{ readonly env: Readonly<Record<string, string>>; stop(): Promise<void> }>
  /** Figures that are only reported, after the ratios. */
  readonly report?: () => Promise<readonly string[]>
}

/** `of` divided by `against`, and the bound that it is held to. */
export interface Ratio {
  readonly of: string
  readonly against: string
  readonly atLeast?: number
  readonly atMost?: number
  /** Reason why the bound cannot be met, in one line. A miss is then shown and is no failure. */
  readonly because?: string
}

/** Calls per second of `work`, over about `seconds`, after a warm-up of a tenth of that. */
export async function callsPerSecond(work: () => unknown, seconds = 1): Promise<number> {
  await callUntil(work, performance.now() + seconds * 100)
  const started = performance.now()
  const calls = await callUntil(work, started + seconds * 1000)
  return (calls * 1000) / (performance.now() - started)
}

async function callUntil(work: () => unknown, end: number): Promise<number> {
  let calls = 0
  while (performance.now() < end) {
    // The clock is read once for many calls: it costs as much as a short one.
    for (let i = 0; i < 32; i++) {
      const result = work()
      if (result instanceof Promise) await result
    }
    calls += 32
  }
  return calls
}

/** The middle of the figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}
