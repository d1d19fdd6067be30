import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda'
import { createApp, readableEvent } from '../functions/api/app.ts'
import { createHttpApiHost } from '../local/api-gateway/host.ts'
import { receiveSettings, tellReady } from '../local/process/child-process.ts'
import { socketBacklog } from '../local/process/ports.ts'
import { isUploadRevoked } from '../shared/uploads/upload-token.ts'
import { clearUp } from './store/clear-up.ts'
import { createLocalServices, type LocalServicesSettings, locationOf } from './store/local-services.ts'
import { createTusdHooksHost } from './uploads/tusd-hooks-host.ts'
import { createUploadFallback } from './uploads/upload-fallback.ts'
import { createUploadHooks } from './uploads/upload-hooks.ts'

/** What the supervisor tells the process of the API. */
export interface ApiProcess extends LocalServicesSettings {
  readonly socket: string
  readonly apiId: string
  readonly routes: readonly string[]
  /** Where tusd asks, on 127.0.0.1 (0 has the system choose), and a path that nobody can guess. */
  readonly hooksPort: number
  readonly hooksPath: string
  /** Where nginx asks what the upload server could not answer. */
  readonly fallbackSocket: string
  /** Seconds between two looks for uploads that ended. */
  readonly clearUpInterval: number
}

/** What it says when it serves. */
export interface ApiReady {
  readonly hooksPort: number
}

/**
 * The same app as deployed, called as API Gateway calls it, over this machine's files in place of S3; beside it what tusd asks,
 * and the clearing up. Tells its parent when it serves; ends when the parent goes.
 */
const settings = await receiveSettings<ApiProcess>()
const services = createLocalServices(settings)
const location = locationOf(settings)
const hooks = createUploadHooks(location, services)
const { log } = services

const answer = handle(createApp(services))
const api = createHttpApiHost({
  handler: (event, context) => answer(readableEvent(event as LambdaEvent), context as LambdaContext),
  apiId: settings.apiId,
  routes: settings.routes,
  log: (line) => console.error(line),
})
const hooksHost = createTusdHooksHost({ hooks, path: settings.hooksPath, log })

const fallback = createUploadFallback(location, services)

const clear = async () => {
  try {
    const now = services.now()
    // Revocations are forgotten before a week is over, in which an upload may go on: it ends when they come.
    const revocations = await services.revocations(now)
    const complete = await clearUp(location, now, (upload) => isUploadRevoked(revocations, upload))
    for (const id of complete) await hooks.finished(id)
  } catch (error) {
    log({ level: 'error', event: 'clear-up-failed', name: error instanceof Error ? error.name : typeof error })
  }
}

api.listen({ path: settings.socket, backlog: socketBacklog })
fallback.listen({ path: settings.fallbackSocket, backlog: socketBacklog })
hooksHost.listen(settings.hooksPort, '127.0.0.1')
await Promise.all([api, fallback, hooksHost].map((server) => once(server, 'listening')))
await clear()
setInterval(clear, settings.clearUpInterval * 1000)
tellReady({ hooksPort: (hooksHost.address() as AddressInfo).port } satisfies ApiReady)
