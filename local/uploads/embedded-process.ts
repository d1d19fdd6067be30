import { createLocalServices, type LocalServicesSettings, locationOf } from '../assets/local-services.ts'
import { receiveSettings, tellReady } from '../child-settings.ts'
import { createEmbeddedServer } from './embedded-server.ts'
import { createUploadHooks } from './upload-hooks.ts'

/** What the supervisor tells the embedded upload server. */
export interface EmbeddedProcess extends LocalServicesSettings {
  readonly socket: string
}

/** The embedded upload server in a process of its own. Says `ready` to its parent when it serves; ends when the parent goes. */
const settings = await receiveSettings<EmbeddedProcess>()
const services = createLocalServices(settings)
const location = locationOf(settings)
const server = createEmbeddedServer({
  hooks: createUploadHooks(location, services),
  directory: location.area.incoming,
  maxBytes: services.config.uploads.maxBytes,
  isAllowedOrigin: services.isAllowedOrigin,
  log: services.log,
})
server.listen(settings.socket, () => tellReady())
