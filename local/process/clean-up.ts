import type { Server } from 'node:http'

/** Steps that undo a start, run in reverse order when everything stops or when the start fails halfway. */
export interface CleanUp {
  add(step: () => Promise<void> | void): void
  addServer(server: Server): void
  /** Adds the stop of something that is starting, once it has started. */
  addStarting<T extends Stoppable>(starting: Promise<T>): Promise<T>
  /** Safe to call twice. */
  run(): Promise<void>
}

interface Stoppable {
  stop(): Promise<void>
}

/** Creates an empty list of steps. */
export function createCleanUp(): CleanUp {
  const steps: Array<() => Promise<void> | void> = []
  let running: Promise<void> | undefined
  const runAll = async () => {
    for (const step of steps.reverse()) await step()
  }
  return {
    add: (step) => void steps.push(step),
    addServer(server) {
      steps.push(() => {
        server.close()
        server.closeAllConnections()
      })
    },
    async addStarting(starting) {
      const started = await starting
      steps.push(() => started.stop())
      return started
    },
    run: () => {
      running ??= runAll()
      return running
    },
  }
}

/** Several things that stop together. */
export function together<T extends Stoppable>(all: readonly T[]): Stoppable & { readonly all: readonly T[] } {
  return { all, stop: async () => void (await Promise.all(all.map((one) => one.stop()))) }
}
