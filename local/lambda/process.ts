import { createLocalFetch, type LocalAws } from '../aws/network.ts'
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
 * The process of one Lambda@Edge function. It has its own globals, such as `fetch` and AWS's environment, and an endless loop in it
 * blocks nothing else. It tells its parent when it serves, and ends with it.
 */
const settings = await receiveSettings<LambdaEdgeProcess>()

globalThis.fetch = createLocalFetch(settings.aws)
// Lambda passes the role's credentials in these variables. The emulated services reject unsigned requests, and accept any key.
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
server.listen({ path: settings.socket, backlog: socketBacklog }, () => tellReady())
