import { readFileSync } from 'node:fs'
import { getPublicSuffix } from 'tldts'
import { parse } from 'yaml'
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
  refusePublicSuffix(deployment)
  if (emulated !== true) requireHostForCookies(deployment)
  return deployment
}

/**
 * Browsers keep no cookie for a domain under which strangers have names of their own, such as `co.uk` or `github.io`
 * (RFC 6265 section 5.3, step 5; https://publicsuffix.org/).
 */
function refusePublicSuffix({ config }: Deployment): void {
  const { domain } = config.cookies
  if (domain === null || getPublicSuffix(domain, { allowPrivateDomains: true }) !== domain) return
  throw new ConfigError(
    `cookies.domain: browsers keep no cookie for ${domain}, because strangers have names below it: use a domain of your own`,
  )
}

/** Checked here, as names may be parameters. An emulation, as the stage local is, has names that its command line says. */
function requireHostForCookies({ config }: Deployment): void {
  if (config.cookies.domain !== null && config.hosts.all.length === 0) {
    throw new ConfigError(
      'cookies.domain: needs cdnHost or aliases, because browsers keep no cookie for it from *.cloudfront.net',
    )
  }
}

const serverlessFile = new URL('../serverless.yml', import.meta.url)

/**
 * The sources of deployment parameters where the framework does not run: the commands, the emulation. They read the `params`
 * of `serverless.yml` that packaging is handed; but a variable (`${env:…}`) only the framework resolves.
 *
 * @param commandLine `name=value`, as `--param` takes them.
 * @throws ConfigError where `params` are no mapping.
 */
export function paramSources(commandLine: readonly string[] = []): ParamSources {
  return { commandLine, file: parseFileParams(readFileSync(serverlessFile, 'utf8')) }
}

/** `params` of a `serverless.yml`. @throws ConfigError where they are no mapping of mappings. */
export function parseFileParams(yaml: string): ParamSources['file'] {
  const { params } = (parse(yaml, { logLevel: 'error' }) ?? {}) as { params?: unknown }
  const stages = Object.entries(mapping(params, 'params'))
  return Object.fromEntries(stages.map(([stage, values]) => [stage, mapping(values, `params.${stage}`)]))
}

function mapping(value: unknown, what: string): Record<string, unknown> {
  if (value === null || value === undefined) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ConfigError(`serverless.yml, ${what}: must be names with values`)
}

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
