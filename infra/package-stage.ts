import { buildFunctions } from './build/index.ts'
import type { ParamSources } from './deployment-params.ts'
import { loadDeployment } from './load-deployment.ts'
import { composeResources, type StackResources } from './resources.ts'

export { leaveNameToCloudFormation, referToVersion } from './edge-function.ts'
export { nameDeployment } from './signing-keys.ts'

/**
 * Bundles the functions of a stage into `outDir` and composes the resources of its stack.
 *
 * @throws ConfigError naming each wrong field or parameter.
 */
export async function packageStage(stage: string, sources: ParamSources, outDir: string): Promise<StackResources> {
  const deployment = loadDeployment(stage, sources)
  const { code } = await buildFunctions(deployment, outDir)
  return composeResources(deployment, code)
}

/** The last lines of a deploy: the stage's address, how to see that it works, and how to find a fault. */
export function nextSteps(stage: string, outputs: ReadonlyMap<string, string>): readonly string[] {
  const host = outputs.get('CdnHost')
  const doctor = `npx edge-signer doctor --stage ${stage}`
  if (outputs.has('GuardFunctionArn')) {
    return [
      'Next: name these outputs in your distribution (docs/attach.md), then',
      `  ${doctor}${host === undefined ? ' --url https://<its name>' : ''}`,
    ]
  }
  const domainName = outputs.get('DistributionDomainName')
  const needsDns = host !== undefined && domainName !== undefined && host !== domainName
  return [
    `Files      https://${host}`,
    `API        https://${host}/api/docs`,
    `Dashboard  ${outputs.get('DashboardUrl')}`,
    '',
    'Next:',
    ...(needsDns ? [`  point ${host} at ${domainName} (CNAME or alias)`] : []),
    `  curl -H "Authorization: Bearer <a session of your app>" https://${host}/_edge/session`,
    `  ${doctor}`,
  ]
}
