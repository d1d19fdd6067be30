import type { RunningProcess } from './child-process.ts'

/** A server process that is restarted whenever it ends by itself. A crash fails only the requests in flight. */
export interface KeptProcess {
  /** Returns the id of the process that runs now. */
  pid(): number
  /** Ends it and starts another. @throws the error of `start`. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds before a failed start is tried again. Doubled each time, up to the maximum. */
const firstPause = 100
const maxPause = 5000

/**
 * Starts a process and keeps it running.
 *
 * @param name its name in the log, at the beginning of a sentence.
 * @throws the error of the first `start`.
 */
export async function keepRunning(
  start: () => Promise<RunningProcess>,
  { name, log }: { readonly name: string; readonly log: (line: string) => void },
): Promise<KeptProcess> {
  // Incremented on every deliberate stop, so that a restart already scheduled is dropped.
  let generation = 0
  let running: RunningProcess
  let reviving: Promise<void> = Promise.resolve()
  let endPause = () => {}

  const begin = async (own: number): Promise<void> => {
    const started = await start()
    if (own !== generation) return started.stop()
    running = started
    void started.ended.then((why) => {
      if (own !== generation) return
      log(`${name} ended (${why}); it is started again.`)
      reviving = revive(own)
    })
  }
  const revive = async (own: number): Promise<void> => {
    for (let pause = firstPause; own === generation; pause = Math.min(pause * 2, maxPause)) {
      try {
        return await begin(own)
      } catch (error) {
        log(error instanceof Error ? error.message : String(error))
        if (own === generation) await wait(pause)
      }
    }
  }
  const wait = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const stop = async (): Promise<void> => {
    generation++
    endPause()
    await Promise.all([running.stop(), reviving])
  }

  await begin(generation)
  return {
    pid: () => running.pid,
    async restart() {
      await stop()
      await begin(generation)
    },
    stop,
  }
}
