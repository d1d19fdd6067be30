import { loadDeployment } from '../infra/load-deployment.ts'
import { paramSources } from '../infra/serverless-file.ts'
import type { Deployment } from '../shared/config/parse.ts'
import type { EmulationOptions } from './options.ts'

/** The name that the app's own origin has in the local stage, whatever runs there. */
export const appOrigin = 'app.localhost'

/** The deployment parameters that an emulation is packaged with, as `--param` takes them. */
export function stageParams(options: EmulationOptions): Record<string, string> {
  return {
    emulated: 'true',
    ...(options.enforcement === undefined ? {} : { enforcement: options.enforcement }),
    ...(options.bootstrap === undefined ? {} : { bootstrap: options.bootstrap }),
    ...(options.cookieDomain === undefined ? {} : { cookieDomain: options.cookieDomain }),
    ...(options.keyPrefix === undefined ? {} : { keyPrefix: options.keyPrefix }),
    ...(options.app === undefined ? {} : { appOrigin }),
  }
}

/** The stage with those parameters: the same value that packaging makes the functions from. */
export function localDeployment(options: EmulationOptions): Deployment {
  const commandLine = Object.entries(stageParams(options)).map(([name, value]) => `${name}=${value}`)
  return loadDeployment(stageName(options), paramSources(commandLine))
}

/** Which stage of the config runs: `local`, unless it is a server for the public. */
export function stageName({ production }: EmulationOptions): string {
  return production?.stage ?? 'local'
}
