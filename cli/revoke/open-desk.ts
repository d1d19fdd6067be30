import { parseGrantTemplate } from '../../shared/grant/template.ts'
import { awsDefaults, type ClientSettings } from '../stage/client-settings.ts'
import { deploymentOf } from '../stage/deployment.ts'
import type { RevocationDesk } from './revocation-desk.ts'

/** The options that say which stage. */
export interface StageOptions {
  readonly stage?: string
  /** Deployment parameters, `name=value`. */
  readonly param?: readonly string[]
  /** Of the local stage. */
  readonly url?: string
  readonly state?: string
  readonly json?: boolean
}

const localUrl = 'http://localhost:8080'

/**
 * Opens the desk of a stage; `local` is the one that runs here.
 *
 * @param now epoch seconds by this machine's clock, which is the local stage's, too.
 * @throws ConfigError for a stage that is not configured.
 */
export async function openDesk(
  options: StageOptions,
  now: number,
  settings: ClientSettings = awsDefaults,
): Promise<{ desk: RevocationDesk; stage: string; templates: ReturnType<typeof parseGrantTemplate>[] }> {
  const stage = options.stage ?? 'local'
  const deployment = deploymentOf(stage, options.param)
  const templates = deployment.config.grants.map(parseGrantTemplate)
  if (stage === 'local') {
    const { openLocalDesk } = await import('./local-desk.ts')
    return {
      desk: openLocalDesk(deployment, { url: options.url ?? localUrl, state: options.state, now }),
      stage,
      templates,
    }
  }
  const { openDeployedDesk } = await import('./deployed-desk.ts')
  return { desk: await openDeployedDesk(deployment, settings), stage, templates }
}
