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

/** Requests from people, npm, systemd and the parent process to a command that serves. */
export interface Requests {
  /** Resolves at the first request to stop. */
  readonly stop: Promise<undefined>
  /** Runs the action at each request to reload, and at once if there was one before. */
  onReload(action: () => void): void
}

/**
 * Listens for signals, for their names over the channel from the parent (`bootstrap.mjs`), and for the end of that channel. If the
 * parent is killed, nothing else would stop this process.
 *
 * @param hangUp the meaning of SIGHUP: the end of the terminal, or a request to reload.
 */
export function listenForRequests(hangUp: 'stop' | 'reload'): Requests {
  let wantsReload = false
  let reload = () => {
    wantsReload = true
  }
  const stop = new Promise<undefined>((resolve) => {
    const take = (request: unknown) => {
      if (request === 'SIGHUP' && hangUp === 'reload') reload()
      else if (request === 'SIGINT' || request === 'SIGTERM' || request === 'SIGHUP') resolve(undefined)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, take)
    process.on('message', take)
    process.on('disconnect', () => resolve(undefined))
    // The parent may have ended while this process was loading.
    if (process.send !== undefined && !process.connected) resolve(undefined)
  })
  return {
    stop,
    onReload(action) {
      reload = action
      if (wantsReload) action()
    },
  }
}
