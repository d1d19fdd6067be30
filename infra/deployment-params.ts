import { ConfigError } from '../shared/errors.ts'

/** The facts of one deployment that may be given as `--param="name=value"`; all else belongs in `edge-signer.config.ts`. */
const readers = {
  enforcement: (value: string) => value,
  bootstrap: (value: string) => value,
  bucket: (value: string) => value,
  bucketRegion: (value: string) => value,
  keyPrefix: (value: string) => value,
  appOrigin: (value: string) => value,
  cdnHost: (value: string) => value,
  appIsolation: (value: string) => value,
  allowedOrigins: (value: string) => (value === '*' ? value : value.split(',').map((origin) => origin.trim())),
  cookieDomain: (value: string) => value,
  cookieSameSite: (value: string) => value,
  aliases: (value: string) => value.split(',').map((alias) => alias.trim()),
  certificateArn: (value: string) => value,
  attach: readFlag,
  alarmEmail: (value: string) => value,
  /** Not of a deployment: the package is run by the emulation or a single server. */
  emulated: readFlag,
} as const satisfies Record<string, (value: string) => unknown>

/** Names of the parameters that a deployment may set. */
export const paramNames = Object.keys(readers)

/** Sources of parameters: the command line (`name=value`), and `params` of `serverless.yml`. */
export interface ParamSources {
  readonly commandLine: readonly string[]
  readonly file: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
}

/**
 * The deployment parameters of a stage, in the shape that `parseDeployment` merges: the command line wins over the stage's
 * `params`, these over `params.default`.
 *
 * @throws ConfigError for a parameter that this project does not know, naming those that it does, and for a variable that
 *   nobody resolved.
 */
export function readParams(stage: string, sources: ParamSources): Record<string, unknown> {
  const given = { ...sources.file.default, ...sources.file[stage], ...readCommandLine(sources.commandLine) }
  const params: Record<string, unknown> & { cookies?: Record<string, unknown> } = {}
  for (const [name, value] of Object.entries(given)) {
    if (!isParamName(name)) {
      throw new ConfigError(`--param "${name}" is not a deployment parameter; known are: ${paramNames.join(', ')}`)
    }
    if (value === null || value === undefined) continue
    if (isVariable(value)) {
      throw new ConfigError(
        `param ${name}: serverless.yml gives a variable, which only serverless resolves: add --param="${name}=<its value>", or write the value there`,
      )
    }
    const read = typeof value === 'string' ? readers[name](value) : value
    // The parameters whose field is not at the top of a stage.
    if (name === 'cookieDomain') params.cookies = { ...params.cookies, domain: read }
    else if (name === 'cookieSameSite') params.cookies = { ...params.cookies, sameSite: read }
    else if (name === 'alarmEmail') params.operations = { alarmEmail: read }
    else params[name] = read
  }
  return params
}

function readCommandLine(items: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const at = item.indexOf('=')
      if (at < 1) throw new ConfigError('--param: must be written as --param="name=value"')
      return [item.slice(0, at), item.slice(at + 1).trimEnd()]
    }),
  )
}

function isParamName(name: string): name is keyof typeof readers {
  return Object.hasOwn(readers, name)
}

/** `${env:CDN_HOST}`, alone or within a text or list. No value that a parameter can have looks like it. */
function isVariable(value: unknown): boolean {
  return [value].flat().some((item) => typeof item === 'string' && item.includes('${'))
}

function readFlag(value: string): unknown {
  return value === 'true' ? true : value === 'false' ? false : value
}
