import type { Deployment } from '../../shared/config/parse.ts'

/** The stage's values in the publish function's bundle. */
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
