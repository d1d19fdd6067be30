import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LocalServicesSettings } from '../assets/local-services.ts'
import { assetArea } from '../assets/location.ts'
import { type RunningProcess, startModule, startServer } from '../child-process.ts'
import { projectDirectory } from '../paths.ts'
import { waitForSocket } from '../ports.ts'
import type { EmbeddedProcess } from './embedded-process.ts'
import { removeStaleLocks, tusdArguments } from './tusd.ts'

/** What takes the bytes of uploads: tusd, or the embedded server where there is none. */
export type UploadServerKind = 'tusd' | 'embedded'

/** How an upload server is kept. */
export interface UploadServerOptions {
  /** Absolute path of tusd; `undefined` starts the embedded server. */
  readonly tusd: string | undefined
  readonly socket: string
  readonly hooksUrl: string
  readonly services: LocalServicesSettings
  readonly log: (line: string) => void
}

/** An upload server that is started again whenever it ends. */
export interface UploadServer {
  readonly kind: UploadServerKind
  /** Where it listens. */
  readonly socket: string
  /** Of the process that runs now. */
  pid(): number
  stop(): Promise<void>
}

/** Starts it, and again where it ends by itself: what has arrived lies in files, and clients go on where they were. */
export async function keepUploadServer(options: UploadServerOptions): Promise<UploadServer> {
  let running = await startUploadServer(options)
  let stopping = false
  const watch = (server: RunningProcess) => {
    void server.ended.then(async (why) => {
      if (stopping) return
      options.log(`The upload server ended (${why}); it is started again.`)
      for (let pause = 100; !stopping; pause = Math.min(pause * 2, 5000)) {
        try {
          running = await startUploadServer(options)
          if (stopping) return running.stop()
          return watch(running)
        } catch (error) {
          options.log(error instanceof Error ? error.message : String(error))
          await delay(pause)
        }
      }
    })
  }
  watch(running)
  return {
    kind: options.tusd === undefined ? 'embedded' : 'tusd',
    socket: options.socket,
    pid: () => running.pid,
    async stop() {
      stopping = true
      await running.stop()
    },
  }
}

async function startUploadServer({
  tusd,
  socket,
  hooksUrl,
  services,
  log,
}: UploadServerOptions): Promise<RunningProcess> {
  // A killed server leaves its socket, and the next one could not listen.
  rmSync(socket, { force: true })
  if (tusd === undefined) {
    const settings: EmbeddedProcess = { ...services, socket }
    return startModule(join(projectDirectory, 'local/uploads/embedded-process.ts'), settings, log)
  }
  const area = assetArea(services.area)
  removeStaleLocks(area)
  const { uploads, allowedOrigins } = services.config
  const args = tusdArguments({
    area,
    socket,
    hooksUrl,
    maxBytes: uploads.maxBytes,
    allowedOrigins: [...allowedOrigins, services.origin],
  })
  const running = startServer(tusd, args, quietly(log))
  await waitForSocket(socket, running.ended)
  return running
}

/** tusd tells of each request; only what went wrong is for people. */
function quietly(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (/level=(ERROR|WARN)|panic|\[tusd\].*(unable|failed|error)/i.test(line)) log(line)
  }
}
