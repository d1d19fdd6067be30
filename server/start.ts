import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { apiFunctionConfig } from '../functions/api/config.ts'
import { httpApi } from '../local/api-gateway/host.ts'
import type { NginxAddition } from '../local/cloudfront/plan.ts'
import { LocalError } from '../local/local-error.ts'
import { projectDirectory } from '../local/paths.ts'
import { startModule } from '../local/process/child-process.ts'
import { keepRunning } from '../local/process/keep-running.ts'
import { type EmulationOptions, localSite, type Site } from '../local/site.ts'
import type { Stage } from '../local/stage.ts'
import { type ExtensionBase, type RunningSite, startSite } from '../local/start.ts'
import { writeWhole } from '../local/state/state-files.ts'
import type { ApiProcess, ApiReady } from './api-process.ts'
import { downloadPaths } from './nginx/link.ts'
import { linkAddition } from './nginx/link-locations.ts'
import { uploadAddition } from './nginx/upload-locations.ts'
import { publicSite, type ServerOptions } from './site.ts'
import type { LocalServicesSettings } from './store/local-services.ts'
import { type LocalLocation, prepareLocation } from './store/location.ts'
import { linkConfig } from './store/secure-link.ts'
import { tokenPaths, uploadPath } from './upload-paths.ts'
import { buildTusdAside, findTusd } from './uploads/find-tusd.ts'
import { keepUploadServer, type UploadServer } from './uploads/upload-server.ts'

/** Options of the API and the upload server. All have defaults. */
export interface AssetsOptions {
  /** `true` requires tusd, `false` uses the embedded upload server; default: tusd if it is installed. */
  readonly tusd?: boolean
  /** Builds tusd in the background for the next start, if it is missing and Go is installed. Meant for stages that run long. */
  readonly buildTusd?: boolean
  /** Folder of uploads in progress and of records, on the file system of the content; default: beside the content. */
  readonly uploads?: string
}

/** Options of an emulation with its API and uploads. All have defaults. */
export interface StageOptions extends EmulationOptions, AssetsOptions {}

/** A running site with the API over this machine's files, and an upload server. */
export interface RunningStage extends RunningSite {
  readonly uploads: UploadServer
}

/**
 * Starts the emulation with its API and uploads, and resolves when all of it serves.
 *
 * @throws LocalError if a tool is missing, a port is taken or a program does not start; ConfigError or UnsupportedConstructError if
 *   the stage cannot be run.
 */
export async function startStage(options: StageOptions = {}): Promise<RunningStage> {
  return startWithAssets(localSite(options), options)
}

/**
 * Starts the single server, and resolves when all of it serves.
 *
 * @throws as `startStage`, and LocalError if the stage makes its cookies for another host.
 */
export async function startServer(options: ServerOptions & AssetsOptions): Promise<RunningStage> {
  return startWithAssets(publicSite(options), options)
}

async function startWithAssets(site: Site, options: AssetsOptions): Promise<RunningStage> {
  const tusd = await findTusd(options.tusd)
  let assets: Assets | undefined
  const running = await startSite(site, {
    tokenPaths,
    async start(base) {
      const started = await startAssets(base, options.uploads, tusd.program)
      assets = started
      const endBuild = tusd.canBuild && options.buildTusd === true ? buildTusdAside() : undefined
      return {
        nginx: started.nginx,
        declaredTypes: started.location.area.typesRoot,
        description: [
          `uploads  ${tusd.description}, ${started.location.area.root}`,
          ...(endBuild === undefined ? [] : ['         tusd is being built for the next start']),
        ],
        async stop() {
          endBuild?.()
          await started.stop()
        },
      }
    },
  })
  return { ...running, uploads: (assets as Assets).uploads }
}

/** A running API over this machine's files, and a running upload server. */
interface Assets {
  readonly location: LocalLocation
  readonly nginx: readonly NginxAddition[]
  readonly uploads: UploadServer
  stop(): Promise<void>
}

/** Seconds between two checks for uploads that have ended. */
const clearUpInterval = 60

/**
 * Starts the API of a stage over files instead of S3, and the upload server that calls its hooks.
 *
 * @param uploads folder of uploads; `undefined` is beside the content.
 * @param tusd path of tusd; `undefined` uses the embedded server.
 * @throws LocalError if folders cannot be created, or if a behaviour of the stage has a path that uploads or downloads need.
 */
async function startAssets(
  { stage, listener, url }: ExtensionBase,
  uploads: string | undefined,
  tusd: string | undefined,
): Promise<Assets> {
  requireFreePaths(stage)
  const { deployment, state, socketDirectory } = stage
  const location = await prepareLocation(stage.content, uploads, deployment.config.keyPrefix)
  const linkSecret = prepareLinkSecret(state.directory)
  const services: LocalServicesSettings = {
    config: apiFunctionConfig(deployment),
    content: stage.content,
    area: location.area.root,
    stateDirectory: state.directory,
    origin: url,
    linkSecret,
    propagationDelay: stage.propagationDelay,
  }
  const fallbackSocket = join(socketDirectory, 'upload-fallback.sock')
  const hooksPath = `/${randomBytes(32).toString('base64url')}`
  const api = await keepApi(stage, { ...services, hooksPath, fallbackSocket, clearUpInterval })
  const uploadSocket = join(socketDirectory, 'uploads.sock')
  const uploadServer = await keepUploadServer({
    tusd,
    socket: uploadSocket,
    hooksUrl: `http://127.0.0.1:${api.hooksPort}${hooksPath}`,
    services,
    log: stage.log,
  }).catch(async (error: unknown) => {
    await api.stop()
    throw error
  })
  return {
    location,
    nginx: [
      uploadAddition({
        uploadSocket,
        fallbackSocket,
        origin: url,
        maxBytes: services.config.uploads.maxBytes,
        allowedOrigins: [...services.config.allowedOrigins, url],
        headers: listener.headers,
      }),
      // An app serves all other paths, and may have files of its own below `/assets/`.
      linkAddition(linkConfig(linkSecret, deployment.config), stage.distribution, stage.hasApp),
    ],
    uploads: uploadServer,
    async stop() {
      await uploadServer.stop()
      await api.stop()
    },
  }
}

/** Starts the process of the API, and restarts it if it ends. */
async function keepApi(
  stage: Stage,
  settings: Omit<ApiProcess, 'socket' | 'apiId' | 'routes' | 'hooksPort'>,
): Promise<{ readonly hooksPort: number; stop(): Promise<void> }> {
  const origin = stage.distribution.origins.find(({ kind }) => kind === 'http-api')
  if (origin?.kind !== 'http-api') throw new LocalError('The stage has no API.')
  const socket = (stage.sockets.origins[origin.id] ?? '').replace(/^unix:/, '')
  const { routes } = httpApi(stage.packaged.template, origin.apiId)
  // The system chooses the port at the first start. tusd is configured with it, so every later start uses the same.
  let hooksPort = 0
  const start = async () => {
    for (const left of [socket, settings.fallbackSocket]) rmSync(left, { force: true })
    const all: ApiProcess = { ...settings, socket, apiId: origin.apiId, routes, hooksPort }
    const process = await startModule(join(projectDirectory, 'server/api-process.ts'), all, withoutInfo(stage.log))
    hooksPort = (process.ready as ApiReady).hooksPort
    return process
  }
  const kept = await keepRunning(start, { name: 'The API', log: stage.log })
  return { hooksPort, stop: () => kept.stop() }
}

/** Drops entries of the level `info`, which are of no interest at a terminal. */
function withoutInfo(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (!line.startsWith('{"level":"info"')) log(line)
  }
}

function requireFreePaths({ distribution }: Stage): void {
  const own = [uploadPath, ...Object.values(downloadPaths)]
  for (const { pathPattern } of distribution.behaviours) {
    const taken = own.find((path) => `/${pathPattern.replace(/^\//, '')}`.startsWith(path))
    if (taken !== undefined)
      throw new LocalError(`${taken} is the path of uploads or downloads here, and ${pathPattern} needs it too.`)
  }
}

/** The secret that nginx and the API make download links with; made once in a state directory, readable to its owner only. */
export function prepareLinkSecret(stateDirectory: string): string {
  const file = join(stateDirectory, 'link-secret')
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeWhole(file, randomBytes(32).toString('base64url'))
  }
  return readFileSync(file, 'utf8')
}
