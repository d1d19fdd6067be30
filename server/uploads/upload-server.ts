import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { projectDirectory } from '../../local/paths.ts'
import { type RunningProcess, startModule, startServer } from '../../local/process/child-process.ts'
import { keepRunning } from '../../local/process/keep-running.ts'
import { waitForSocket } from '../../local/process/ports.ts'
import type { LocalServicesSettings } from '../store/local-services.ts'
import { assetArea } from '../store/location.ts'
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
  const start = () => startUploadServer(options)
  const kept = await keepRunning(start, { name: 'The upload server', log: options.log })
  return {
    kind: options.tusd === undefined ? 'embedded' : 'tusd',
    socket: options.socket,
    pid: () => kept.pid(),
    stop: () => kept.stop(),
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
    const settings: EmbeddedProcess = { ...services, socket, hooksUrl }
    return startModule(join(projectDirectory, 'server/uploads/embedded-process.ts'), settings, log)
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

/** tusd tells of each request; only what went wrong is for people. An upload's path and id are left out: who knows them may write. */
function quietly(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (/level=(ERROR|WARN)|panic|\[tusd\].*(unable|failed|error)/i.test(line))
      log(line.replace(/\b(path|id)=\S+/g, '$1=*'))
  }
}
