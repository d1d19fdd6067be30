import { buildFunctions } from './build/index.ts'
import type { ParamSources } from './deployment-params.ts'
import { loadDeployment } from './load-deployment.ts'
import { composeResources, type StackResources } from './resources.ts'

export { leaveNameToCloudFormation, referToVersion } from './edge-function.ts'
export { nextSteps } from './next-steps.ts'
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
