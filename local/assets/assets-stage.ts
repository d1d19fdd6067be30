import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { apiFunctionConfig } from '../../functions/api/config.ts'
import type { BackendPlan } from '../backends.ts'
import { startModule } from '../child-process.ts'
import type { ApiProcess, ApiReady } from '../hosts/api-process.ts'
import { keepRunning } from '../keep-running.ts'
import { LocalError } from '../local-error.ts'
import type { NginxAssets, Sockets } from '../nginx/plan.ts'
import { projectDirectory } from '../paths.ts'
import { httpApi } from '../template/functions.ts'
import { uploadPath } from '../uploads/limits.ts'
import { keepUploadServer, type UploadServer } from '../uploads/upload-server.ts'
import { prepareLinkSecret } from './link-secret.ts'
import type { LocalServicesSettings } from './local-services.ts'
import { type LocalLocation, prepareLocation } from './location.ts'
import { downloadPaths } from './secure-link.ts'

/** What the assets of a stage are started from. */
export interface AssetsPlan {
  readonly backends: BackendPlan
  readonly sockets: Sockets
  readonly origin: string
  /** `undefined`: beside the content. */
  readonly uploads: string | undefined
  /** `undefined` takes the embedded server. */
  readonly tusd: string | undefined
}

/** A running API over this machine's files, and a running upload server. */
export interface AssetsStage {
  readonly location: LocalLocation
  readonly nginx: NginxAssets
  readonly uploads: UploadServer
  stop(): Promise<void>
}

/** Seconds between two looks for uploads that came to their end. */
const clearUpInterval = 60

/**
 * Starts the API of the stage over files in place of S3, and the upload server that asks it.
 *
 * @throws LocalError where folders cannot be made, or a behaviour of the stage has a path that uploads or downloads need.
 */
export async function startAssets(plan: AssetsPlan): Promise<AssetsStage> {
  const { backends, sockets, origin } = plan
  refuseOccupiedPaths(plan)
  const location = await prepareLocation(backends.content, plan.uploads, backends.deployment.config.keyPrefix)
  const linkSecret = prepareLinkSecret(backends.state.directory)
  const services: LocalServicesSettings = {
    config: apiFunctionConfig(backends.deployment),
    content: backends.content,
    area: location.area.root,
    stateDirectory: backends.state.directory,
    origin,
    linkSecret,
    propagationDelay: backends.propagationDelay,
  }
  const fallbackSocket = join(backends.socketDirectory, 'upload-fallback.sock')
  const hooksPath = `/${randomBytes(32).toString('base64url')}`
  const api = await keepApi(backends, sockets, { ...services, hooksPath, fallbackSocket, clearUpInterval })
  const uploadSocket = join(backends.socketDirectory, 'uploads.sock')
  const uploads = await keepUploadServer({
    tusd: plan.tusd,
    socket: uploadSocket,
    hooksUrl: `http://127.0.0.1:${api.hooksPort}${hooksPath}`,
    services,
    log: backends.log,
  }).catch(async (error: unknown) => {
    await api.stop()
    throw error
  })
  return {
    location,
    nginx: {
      uploadSocket,
      fallbackSocket,
      linkSecret,
      types: location.area.typesRoot,
      maxBytes: services.config.uploads.maxBytes,
      allowedOrigins: [...services.config.allowedOrigins, origin],
      beside: backends.app !== undefined,
    },
    uploads,
    async stop() {
      await uploads.stop()
      await api.stop()
    },
  }
}

/** The process of the API, started again where it ends by itself. */
async function keepApi(
  backends: BackendPlan,
  sockets: Sockets,
  settings: Omit<ApiProcess, 'socket' | 'apiId' | 'routes' | 'hooksPort'>,
): Promise<{ readonly hooksPort: number; stop(): Promise<void> }> {
  const origin = backends.distribution.origins.find(({ kind }) => kind === 'http-api')
  if (origin?.kind !== 'http-api') throw new LocalError('The stage has no API.')
  const socket = (sockets.origins[origin.id] ?? '').replace(/^unix:/, '')
  const { routes } = httpApi(backends.packaged.template, origin.apiId)
  // The system chooses the port at the first start; tusd, which is told of it, expects it after every other.
  let hooksPort = 0
  const start = async () => {
    for (const left of [socket, settings.fallbackSocket]) rmSync(left, { force: true })
    const all: ApiProcess = { ...settings, socket, apiId: origin.apiId, routes, hooksPort }
    const process = await startModule(join(projectDirectory, 'local/hosts/api-process.ts'), all, quietly(backends.log))
    hooksPort = (process.ready as ApiReady).hooksPort
    return process
  }
  const kept = await keepRunning(start, { name: 'The API', log: backends.log })
  return { hooksPort, stop: () => kept.stop() }
}

/** What went well is not for people at a terminal. */
function quietly(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (!line.startsWith('{"level":"info"')) log(line)
  }
}

function refuseOccupiedPaths({ backends }: AssetsPlan): void {
  const own = [uploadPath, ...Object.values(downloadPaths)]
  for (const { pathPattern } of backends.distribution.behaviours) {
    const taken = own.find((path) => `/${pathPattern.replace(/^\//, '')}`.startsWith(path))
    if (taken !== undefined)
      throw new LocalError(`${taken} is where files are sent or downloaded here; ${pathPattern} needs it too.`)
  }
}
