import { loadDeployment } from '../../infra/load-deployment.ts'
import { paramSources } from '../../infra/serverless-file.ts'
import type { Deployment } from '../../shared/config/parse.ts'

/**
 * The stage as it is packaged: `edge-signer.config.ts`, with the `params` of `serverless.yml` and those given here on top.
 *
 * @param params `name=value`, as `serverless --param` takes them.
 * @throws ConfigError for a stage that is not configured, naming each wrong field.
 */
export function deploymentOf(stage: string, params: readonly string[] = []): Deployment {
  return loadDeployment(stage, paramSources(params))
}
