/** One thing that can go wrong, and what is promised then. */
export interface Fault {
  readonly name: string
  /** The promise, in one sentence. */
  readonly outcome: string
  /** Returns the name of what this machine lacks; `undefined` if the fault can be tried. */
  missing?(): string | undefined
  /** @throws where the promise was broken. */
  run(): Promise<void>
}

/** Throws with these words unless something holds. */
export function must(holds: boolean, words: string): asserts holds {
  if (!holds) throw new Error(words)
}
