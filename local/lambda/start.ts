import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { localAws } from '../aws/network.ts'
import { changeableHeadersOf } from '../cloudfront/edge-config.ts'
import { pseudoParameters } from '../cloudfront/template/intrinsics.ts'
import type { Distribution } from '../cloudfront/template/model.ts'
import { projectDirectory } from '../paths.ts'
import { startModule } from '../process/child-process.ts'
import { type KeptProcess, keepRunning } from '../process/keep-running.ts'
import { distributionId, type Stage } from '../stage.ts'
import { lambdaBundle } from './bundle.ts'
import type { LambdaAssociation } from './host.ts'
import type { LambdaEdgeProcess } from './process.ts'

/** Starts a process for each Lambda@Edge function of the distribution, and restarts it if it ends. */
export function startLambdaEdge(stage: Stage): Promise<KeptProcess[]> {
  const { service, stage: stageName } = stage.deployment
  const account = pseudoParameters['AWS::AccountId'] ?? ''
  return Promise.all(
    Object.entries(associationsOf(stage.distribution)).map(([id, associations]) => {
      const bundle = lambdaBundle(stage.packaged.template, id, stage.packaged.directory)
      const settings: LambdaEdgeProcess = {
        bundle: bundle.file,
        exportName: bundle.exportName,
        socket: stage.sockets.lambdas[id] ?? '',
        functionArn: `arn:aws:lambda:us-east-1:${account}:function:${service}-${stageName}-${id}:1`,
        distributionId,
        associations,
        aws: localAws(stage),
        showReasons: stageName === 'local',
      }
      const start = () => {
        rmSync(settings.socket, { force: true })
        return startModule(join(projectDirectory, 'local/lambda/process.ts'), settings, stage.log)
      }
      return keepRunning(start, { name: `The Lambda@Edge function ${id}`, log: stage.log })
    }),
  )
}

/** Returns the behaviours of each Lambda@Edge function, by its logical id. */
function associationsOf(distribution: Distribution): Record<string, Record<string, LambdaAssociation>> {
  const found: Record<string, Record<string, LambdaAssociation>> = {}
  for (const behaviour of distribution.behaviours) {
    const { index, viewerRequest, forward } = behaviour
    if (viewerRequest?.kind !== 'lambda-edge') continue
    const behaviours = found[viewerRequest.logicalId] ?? {}
    behaviours[String(index)] = {
      includeBody: viewerRequest.includeBody,
      bucket: behaviour.origin.kind === 'bucket',
      forwardedHeaders: forward.headers === 'all' ? null : changeableHeadersOf(behaviour),
    }
    found[viewerRequest.logicalId] = behaviours
  }
  return found
}
