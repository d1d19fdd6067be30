import type { RunningProcess } from './child-process.ts'

/** A server process that is started again whenever it ends by itself: a crash fails the requests in flight, not the system. */
export interface KeptProcess {
  /** Of the process that runs now. */
  pid(): number
  /** Ends it and starts another. @throws what `start` threw. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds before a start that failed is tried again; doubled each time. */
const firstPause = 100
const longestPause = 5000

/**
 * Starts a process and keeps it running.
 *
 * @param name as the log names it, at the beginning of a sentence.
 * @throws what the first `start` threw.
 */
export async function keepRunning(
  start: () => Promise<RunningProcess>,
  { name, log }: { readonly name: string; readonly log: (line: string) => void },
): Promise<KeptProcess> {
  // Whoever ends a process on purpose begins a new generation, and nobody revives one of an older generation.
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
    for (let pause = firstPause; own === generation; pause = Math.min(pause * 2, longestPause)) {
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
