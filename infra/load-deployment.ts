import config from '../edge-signer.config.ts'
import { type Deployment, parseDeployment } from '../shared/config/parse.ts'
import { ConfigError } from '../shared/errors.ts'
import { type ParamSources, readParams } from './deployment-params.ts'

/** Names of log deliveries, buckets and Lambda functions end at 60, 63 and 64 characters; ours add at most 14 to service and stage. */
const maxServiceAndStage = 46

/**
 * The deployment that `serverless` was asked for: `edge-signer.config.ts` for the stage, with the deployment parameters on top.
 *
 * @throws ConfigError naming each wrong field or parameter.
 */
export function loadDeployment(stage: string, sources: ParamSources): Deployment {
  const { emulated = stage === 'local', ...params } = readParams(stage, sources)
  const deployment = parseDeployment(config, stage, params)
  if (deployment.service.length + deployment.stage.length > maxServiceAndStage) {
    throw new ConfigError(
      `service and stage: must have at most ${maxServiceAndStage} characters together, or names in AWS grow too long`,
    )
  }
  if (emulated !== true) requireHostForCookies(deployment)
  return deployment
}

/** Checked here, as names may be parameters. An emulation, as the stage local is, has names that its command line says. */
function requireHostForCookies({ config }: Deployment): void {
  if (config.cookies.domain !== null && config.hosts.all.length === 0) {
    throw new ConfigError(
      'cookies.domain: needs cdnHost or aliases, because browsers keep no cookie for it from *.cloudfront.net',
    )
  }
}
