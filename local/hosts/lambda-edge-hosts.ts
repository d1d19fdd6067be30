import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BackendPlan, distributionId, localAws } from '../backends.ts'
import { startModule } from '../child-process.ts'
import { type KeptProcess, keepRunning } from '../keep-running.ts'
import { changeableHeadersOf } from '../nginx/forwarded-headers.ts'
import type { Sockets } from '../nginx/plan.ts'
import { projectDirectory } from '../paths.ts'
import { lambdaBundle } from '../template/functions.ts'
import { pseudoParameters } from '../template/intrinsics.ts'
import type { Distribution } from '../template/model.ts'
import type { LambdaAssociation } from './lambda-edge-host.ts'
import type { LambdaEdgeProcess } from './lambda-edge-process.ts'

/** The host process of each Lambda@Edge function, kept running. */
export function keepLambdaHosts(plan: BackendPlan, sockets: Sockets): Promise<KeptProcess[]> {
  const { service, stage } = plan.deployment
  const account = pseudoParameters['AWS::AccountId'] ?? ''
  return Promise.all(
    Object.entries(associationsOf(plan.distribution)).map(([id, associations]) => {
      const bundle = lambdaBundle(plan.packaged.template, id, plan.packaged.directory)
      const settings: LambdaEdgeProcess = {
        bundle: bundle.file,
        exportName: bundle.exportName,
        socket: sockets.lambdas[id] ?? '',
        functionArn: `arn:aws:lambda:us-east-1:${account}:function:${service}-${stage}-${id}:1`,
        distributionId,
        associations,
        aws: localAws(plan),
      }
      const start = () => {
        rmSync(settings.socket, { force: true })
        return startModule(join(projectDirectory, 'local/hosts/lambda-edge-process.ts'), settings, plan.log)
      }
      return keepRunning(start, { name: `The Lambda@Edge function ${id}`, log: plan.log })
    }),
  )
}

/** The behaviours of each Lambda@Edge function, by its logical id. */
function associationsOf(distribution: Distribution): Record<string, Record<string, LambdaAssociation>> {
  const found: Record<string, Record<string, LambdaAssociation>> = {}
  for (const behaviour of distribution.behaviours) {
    const { index, viewerRequest, forward } = behaviour
    if (viewerRequest?.kind !== 'lambda-edge') continue
    const behaviours = found[viewerRequest.logicalId] ?? {}
    behaviours[String(index)] = {
      includeBody: viewerRequest.includeBody,
      forwardedHeaders: forward.headers === 'all' ? null : changeableHeadersOf(behaviour),
    }
    found[viewerRequest.logicalId] = behaviours
  }
  return found
}
