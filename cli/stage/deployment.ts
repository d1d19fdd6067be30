import { loadDeployment } from '../../infra/load-deployment.ts'
import { paramSources } from '../../infra/serverless-file.ts'
import type { Deployment } from '../../shared/config/parse.ts'

/**
 * Returns the configuration with which a stage is packaged: `edge-signer.config.ts`, overridden by the `params` of
 * `serverless.yml`, and those by `params`.
 *
 * @param params `name=value`, as for `serverless --param`.
 * @throws ConfigError if the stage is not configured or a field is invalid; names each wrong field.
 */
export function deploymentOf(stage: string, params: readonly string[] = []): Deployment {
  return loadDeployment(stage, paramSources(params))
}
