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
  /** True if answers show the reasons that the function logs. */
  readonly showReasons: boolean
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
  ...(settings.showReasons ? { takeReasons: collectReasons() } : {}),
})
server.listen({ path: settings.socket, backlog: socketBacklog }, () => tellReady())

/** Reads the reasons from the lines that the function logs. They are taken in the same turn as the answer, so few are kept. */
function collectReasons(): (requestId: string) => readonly string[] {
  const reasons = new Map<string, string[]>()
  const warn = console.warn.bind(console)
  console.warn = (line: unknown, ...rest: unknown[]) => {
    warn(line, ...rest)
    const { requestId, reason } = parseLine(line)
    if (requestId === undefined || reason === undefined) return
    reasons.set(requestId, [...(reasons.get(requestId) ?? []), reason])
  }
  return (requestId) => {
    const taken = reasons.get(requestId) ?? []
    reasons.delete(requestId)
    return taken
  }
}

function parseLine(line: unknown): { readonly requestId?: string; readonly reason?: string } {
  try {
    return JSON.parse(String(line)) ?? {}
  } catch {
    return {}
  }
}
