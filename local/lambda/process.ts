import { interceptHttps, type LocalAws, localServices, setRoleCredentials } from '../aws/network.ts'
import { receiveSettings, tellReady } from '../process/child-process.ts'
import { socketBacklog } from '../process/ports.ts'
import { loadBundle } from './bundle.ts'
import { createLambdaEdgeHost, type LambdaAssociation } from './host.ts'

/** Settings of the process of a Lambda@Edge function. */
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
 * The process of one Lambda@Edge function. It has its own globals, such as `https.request` and AWS's environment, and an endless loop in it
 * blocks nothing else. It tells its parent when it serves, and ends with it.
 */
const settings = await receiveSettings<LambdaEdgeProcess>()

interceptHttps(localServices(settings.aws), `${settings.socket}.aws`, settings.aws.jwksUrl)
setRoleCredentials(process.env)

const log = (line: string) => console.error(line)
const server = createLambdaEdgeHost({
  handler: loadBundle(settings.bundle, settings.exportName, log),
  functionArn: settings.functionArn,
  distributionId: settings.distributionId,
  associations: settings.associations,
  log,
})
server.listen({ path: settings.socket, backlog: socketBacklog }, () => tellReady())
