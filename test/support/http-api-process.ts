import { createHttpApiHost } from '../../local/api-gateway/host.ts'
import type { LocalAws } from '../../local/aws/network.ts'
import { loadBundle } from '../../local/lambda/bundle.ts'
import { receiveSettings, tellReady } from '../../local/process/child-process.ts'
import { createLocalRevocations, type RevocationPlace } from '../../local/state/revocation-stores.ts'
import { syncRevocations } from '../../shared/revocation/revoke.ts'
import { interceptAws } from './aws/intercept.ts'

/** Settings of the process that runs a regional function. */
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
// As a deploy does: without a state object the function grants nothing.
await syncRevocations(createLocalRevocations(settings.revocations), { now: Math.floor(Date.now() / 1000) })
interceptAws(settings.aws, settings.revocations, settings.awsSocket)

const log = (line: string) => console.error(line)
const server = createHttpApiHost({
  handler: loadBundle(settings.bundle, settings.exportName, log),
  apiId: settings.apiId,
  routes: settings.routes,
  log,
})
server.listen(settings.socket, () => tellReady())
