import type { Deployment } from '../../shared/config/parse.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'

/** What the headers function writes. */
export interface HeadersFunctionConfig {
  /** `Cache-Control` of private files, whatever the origin sent. */
  readonly privateCacheControl: string
  readonly corp: StageConfig['corp']
}

/** Derives the configuration of the headers function. */
export function headersFunctionConfig({ config }: Deployment): HeadersFunctionConfig {
  const freshness = config.browserCache === 'no-cache' ? 'no-cache' : `max-age=${config.browserCache}`
  return { privateCacheControl: `private, ${freshness}, no-transform`, corp: config.corp }
}
