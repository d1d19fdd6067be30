/** What has to be undone when everything ends, or when the start fails half-way: the last thing first. */
export interface CleanUp {
  add(step: () => Promise<void> | void): void
  /** Remembers to stop what is starting, as soon as it has started; `undefined` starts nothing. */
  stopLater<T extends Stoppable | undefined>(starting: Promise<T> | T): Promise<T>
  /** Safe to call twice. */
  run(): Promise<void>
}

interface Stoppable {
  stop(): Promise<void>
}

/** An empty list. */
export function createCleanUp(): CleanUp {
  const steps: Array<() => Promise<void> | void> = []
  let running: Promise<void> | undefined
  const runAll = async () => {
    for (const step of steps.reverse()) await step()
  }
  return {
    add: (step) => void steps.push(step),
    async stopLater(starting) {
      const started = await starting
      if (started !== undefined) steps.push(() => started.stop())
      return started
    },
    run: () => {
      running ??= runAll()
      return running
    },
  }
}

/** Several as one. */
export function together<T extends Stoppable>(all: readonly T[]): Stoppable & { readonly all: readonly T[] } {
  return { all, stop: async () => void (await Promise.all(all.map((one) => one.stop()))) }
}
