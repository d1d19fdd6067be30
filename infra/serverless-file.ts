import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { ConfigError } from '../shared/errors.ts'
import type { ParamSources } from './deployment-params.ts'

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
