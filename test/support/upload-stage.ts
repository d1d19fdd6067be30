import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import projectConfig from '../../edge-signer.config.ts'
import { type ApiFunctionConfig, apiFunctionConfig } from '../../functions/api/config.ts'
import type { ApiServices } from '../../functions/api/services.ts'
import { startServer } from '../../local/process/child-process.ts'
import { waitForSocket } from '../../local/process/ports.ts'
import { findGo, setUpGoTool, tusd } from '../../local/setup/go-tools.ts'
import { prepareState, readKeyDocument, stateFiles } from '../../local/state/state-files.ts'
import { prepareLinkSecret } from '../../server/start.ts'
import { createLocalServices, type LocalServicesSettings, locationOf } from '../../server/store/local-services.ts'
import { type LocalLocation, prepareLocation } from '../../server/store/location.ts'
import { createEmbeddedServer } from '../../server/uploads/embedded-server.ts'
import { removeStaleLocks, tusdArguments } from '../../server/uploads/tusd.ts'
import { createTusdHooksHost } from '../../server/uploads/tusd-hooks-host.ts'
import { createUploadHooks, type UploadHooks } from '../../server/uploads/upload-hooks.ts'
import type { UploadServerKind } from '../../server/uploads/upload-server.ts'
import type { UploadRequest } from '../../shared/assets/asset-store.ts'
import { parseDeployment } from '../../shared/config/parse.ts'
import { createSessionMaker, type SessionMaker } from './session-maker.ts'

/** The upload servers that are tested. Without Go there is the embedded one only; CI (`REQUIRE_ALL=1`) demands both. */
export function uploadServerKinds(): readonly UploadServerKind[] {
  return findGo() !== undefined || process.env.REQUIRE_ALL === '1' ? ['tusd', 'embedded'] : ['embedded']
}

/** tusd, built where it is missing. */
export function setUpTusd(): Promise<string> {
  return setUpGoTool(tusd, { log: (line) => process.stderr.write(`${line}\n`) })
}

/** Local services and an upload server over an empty folder, without nginx in front. */
export interface UploadStage {
  readonly services: ApiServices
  readonly location: LocalLocation
  readonly sessions: SessionMaker
  readonly stampKey: string
  /** URL of tusd's hooks; `undefined` for the embedded server, which calls them in its own process. */
  readonly hooksUrl: string | undefined
  /** Of tusd. */
  readonly pid: number
  send(options: TusSend): Promise<TusAnswer>
  stop(): Promise<void>
}

/** One request to the upload server. */
export interface TusSend {
  readonly method: string
  /** A path, or a whole URL whose host does not count. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Its answer. */
export interface TusAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

const origin = 'http://localhost:8080'
const session = { issuer: 'edge-signer-local', audience: 'edge-signer' }

/** Starts one. `wrap` puts something between the upload server and the hooks, `uploads` changes limits of the config. */
export async function startUploadStage(
  kind: UploadServerKind,
  wrap: (hooks: UploadHooks) => UploadHooks = (hooks) => hooks,
  uploads: Partial<ApiFunctionConfig['uploads']> = {},
): Promise<UploadStage> {
  const directory = mkdtempSync(join(tmpdir(), 'edge-signer-uploads-'))
  const settings = await settingsIn(directory, uploads)
  const services: ApiServices = { ...createLocalServices(settings), log: () => {} }
  const location = locationOf(settings)
  const hooks = wrap(createUploadHooks(location, services))
  const socket = join(directory, 'u.sock')
  const server =
    kind === 'tusd'
      ? await startTusd(location, hooks, socket, services)
      : await startEmbedded(location, hooks, socket, services)
  const agent = new Agent({ connect: { socketPath: socket } })
  const document = readKeyDocument(stateFiles(settings.stateDirectory))
  return {
    services,
    location,
    stampKey: document.stampKey,
    sessions: createSessionMaker({ ...session, secret: document.sessionSecret ?? '' }),
    hooksUrl: server.hooksUrl,
    pid: server.pid,
    send: (options) => send(agent, options),
    async stop() {
      await agent.destroy()
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Creates an upload with a ticket and sends all of its bytes; the last answer. */
export async function sendUpload(
  stage: Pick<UploadStage, 'send'>,
  ticket: UploadRequest,
  body: Uint8Array,
): Promise<TusAnswer> {
  const created = await stage.send({
    method: ticket.method,
    url: ticket.url,
    headers: { ...ticket.headers, 'Upload-Length': String(body.length) },
  })
  if (created.status !== 201 || body.length === 0) return created
  return stage.send({
    method: 'PATCH',
    url: String(created.headers.location),
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
    body,
  })
}

async function settingsIn(
  directory: string,
  uploads: Partial<ApiFunctionConfig['uploads']>,
): Promise<LocalServicesSettings> {
  const config = apiFunctionConfig(parseDeployment(projectConfig, 'local'))
  const { content, area } = await prepareLocation(join(directory, 'content'))
  const stateDirectory = join(directory, 'state')
  prepareState(stateDirectory, 'ES256', Math.floor(Date.now() / 1000))
  return {
    config: { ...config, uploads: { ...config.uploads, ...uploads } },
    content,
    area: area.root,
    stateDirectory,
    origin,
    linkSecret: prepareLinkSecret(stateDirectory),
    propagationDelay: 0,
  }
}

async function startTusd(location: LocalLocation, hooks: UploadHooks, socket: string, services: ApiServices) {
  const program = await setUpTusd()
  const path = '/hooks-of-a-test'
  const host = createTusdHooksHost({ hooks, path, log: () => {} }).listen(0, '127.0.0.1')
  await once(host, 'listening')
  const hooksUrl = `http://127.0.0.1:${(host.address() as AddressInfo).port}${path}`
  removeStaleLocks(location.area)
  const { uploads, allowedOrigins } = services.config
  const args = tusdArguments({
    area: location.area,
    socket,
    hooksUrl,
    maxBytes: uploads.maxBytes,
    allowedOrigins,
  })
  const said: string[] = []
  const running = startServer(program, args, (line) => said.push(line))
  await waitForSocket(socket, running.ended).catch((error: unknown) => {
    throw new Error(said.join('\n'), { cause: error })
  })
  return {
    hooksUrl,
    pid: running.pid,
    stop: async () => {
      await running.stop()
      await close(host)
    },
  }
}

async function startEmbedded(location: LocalLocation, hooks: UploadHooks, socket: string, services: ApiServices) {
  const server = createEmbeddedServer({
    hooks,
    directory: location.area.incoming,
    maxBytes: services.config.uploads.maxBytes,
    isAllowedOrigin: services.readers.isAllowed,
    log: () => {},
  }).listen(socket)
  await once(server, 'listening')
  return { hooksUrl: undefined, pid: process.pid, stop: () => close(server) }
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

async function send(agent: Agent, { method, url, headers, body }: TusSend): Promise<TusAnswer> {
  const { pathname } = new URL(url, origin)
  const answer = await request(`http://upload-server${pathname}`, {
    method: method as 'POST',
    dispatcher: agent,
    headers: { 'X-Forwarded-Host': 'localhost:8080', 'X-Forwarded-Proto': 'http', ...headers },
    ...(body === undefined ? {} : { body }),
  })
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
}
