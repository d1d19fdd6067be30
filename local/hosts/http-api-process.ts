import { interceptAws } from '../aws/intercept.ts'
import type { LocalAws } from '../aws/network.ts'
import { receiveSettings, tellReady } from '../child-settings.ts'
import type { RevocationPlace } from '../revocation-stores.ts'
import { createHttpApiHost } from './http-api-host.ts'
import { loadBundle } from './load-bundle.ts'

/** What the supervisor tells the host process of a regional function. */
export interface HttpApiProcess {
  readonly bundle: string
  readonly exportName: string
  readonly socket: string
  readonly apiId: string
  readonly routes: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly aws: LocalAws
  readonly revocations: RevocationPlace
  /** A socket on which AWS is played to the function. */
  readonly awsSocket: string
}

/** The regional function in a process of its own. Says `ready` to its parent when it serves; ends when the parent goes. */
const settings = await receiveSettings<HttpApiProcess>()
Object.assign(process.env, settings.environment)
interceptAws(settings.aws, settings.revocations, settings.awsSocket)

const log = (line: string) => console.error(line)
const server = createHttpApiHost({
  handler: loadBundle(settings.bundle, settings.exportName, log),
  apiId: settings.apiId,
  routes: settings.routes,
  log,
})
server.listen(settings.socket, () => tellReady())
