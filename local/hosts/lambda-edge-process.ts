import { createLocalFetch, type LocalAws } from '../aws/network.ts'
import { receiveSettings, tellReady } from '../child-settings.ts'
import { createLambdaEdgeHost, type LambdaAssociation } from './lambda-edge-host.ts'
import { loadBundle } from './load-bundle.ts'

/** What the supervisor tells a host process. */
export interface LambdaEdgeProcess {
  readonly bundle: string
  readonly exportName: string
  readonly socket: string
  readonly functionArn: string
  readonly distributionId: string
  readonly associations: Readonly<Record<string, LambdaAssociation>>
  readonly aws: LocalAws
}

/**
 * One Lambda@Edge function in a process of its own: its globals are AWS's, not the emulation's, and an endless loop in it
 * stops nothing else. Says `ready` to its parent when it serves; ends when the parent goes.
 */
const settings = await receiveSettings<LambdaEdgeProcess>()

globalThis.fetch = createLocalFetch(settings.aws)
// As Lambda hands over a role's credentials. They open nothing here, but an unsigned request would be refused.
process.env.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
process.env.AWS_SECRET_ACCESS_KEY = 'local'
process.env.AWS_REGION = 'us-east-1'
delete process.env.AWS_SESSION_TOKEN

const log = (line: string) => console.error(line)
const server = createLambdaEdgeHost({
  handler: loadBundle(settings.bundle, settings.exportName, log),
  functionArn: settings.functionArn,
  distributionId: settings.distributionId,
  associations: settings.associations,
  log,
})
server.listen(settings.socket, () => tellReady())
