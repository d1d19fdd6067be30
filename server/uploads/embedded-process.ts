import { receiveSettings, tellReady } from '../../local/process/child-process.ts'
import { socketBacklog } from '../../local/process/ports.ts'
import { createLocalServices, type LocalServicesSettings, locationOf } from '../store/local-services.ts'
import { createEmbeddedServer } from './embedded-server.ts'
import { tellFinished } from './tusd-hooks-host.ts'
import { createUploadHooks } from './upload-hooks.ts'

/** What the supervisor tells the embedded upload server. */
export interface EmbeddedProcess extends LocalServicesSettings {
  readonly socket: string
  /** Where the API's process is told of finished uploads: it alone changes the content. */
  readonly hooksUrl: string
}

/** The embedded upload server in a process of its own. Says `ready` to its parent when it serves; ends when the parent goes. */
const settings = await receiveSettings<EmbeddedProcess>()
const services = createLocalServices(settings)
const location = locationOf(settings)
const server = createEmbeddedServer({
  hooks: {
    ...createUploadHooks(location, services),
    finished: (id) => tellFinished(settings.hooksUrl, id, services.log),
  },
  directory: location.area.incoming,
  maxBytes: services.config.uploads.maxBytes,
  isAllowedOrigin: services.readers.isAllowed,
  log: services.log,
})
server.listen({ path: settings.socket, backlog: socketBacklog }, () => tellReady())
