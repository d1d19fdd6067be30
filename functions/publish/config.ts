import type { Deployment } from '../../shared/config/parse.ts'

/** What the publish function knows of its stage, put into its bundle at packaging. */
export interface PublishFunctionConfig {
  /** `<service>-<stage>`; metrics carry it. */
  readonly stageName: string
  readonly bucketRegion: string
  readonly keyPrefix: string
  /** Bytes below one granted prefix; `null` for no limit. */
  readonly quotaBytes: number | null
}

/** Derives the publish function's configuration. */
export function publishFunctionConfig({ service, stage, config }: Deployment): PublishFunctionConfig {
  return {
    stageName: `${service}-${stage}`,
    bucketRegion: config.bucketRegion,
    keyPrefix: config.keyPrefix,
    quotaBytes: config.uploads.quotaBytes,
  }
}
