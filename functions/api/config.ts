import type { Deployment } from '../../shared/config/parse.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { keysSecretId } from '../../shared/keys/secret-store.ts'

/** What the API knows of its stage, put into its bundle at packaging. No key and no secret: those are fetched. */
export interface ApiFunctionConfig {
  /** `<service>-<stage>`; metrics carry it. */
  readonly stageName: string
  readonly session: StageConfig['session']
  /** Grant templates. */
  readonly grants: readonly string[]
  /** The most grants of one session. */
  readonly grantLimit: number
  readonly allowedOrigins: readonly string[]
  /** Host names of the distribution beside `CDN_HOST`. */
  readonly aliases: readonly string[]
  readonly uploads: StageConfig['uploads']
  readonly downloads: StageConfig['downloads']
  /** What a session's scopes must hold for `/api/admin`. */
  readonly adminScope: string
  readonly bucketRegion: string
  readonly keyPrefix: string
  /** Id of the key document in Secrets Manager. */
  readonly secretId: string
}

/** Derives the API's configuration. */
export function apiFunctionConfig({ service, stage, config }: Deployment): ApiFunctionConfig {
  return {
    stageName: `${service}-${stage}`,
    session: config.session,
    grants: config.grants,
    grantLimit: config.cookies.domain === null ? 8 : 4,
    allowedOrigins: config.allowedOrigins,
    aliases: config.aliases,
    uploads: config.uploads,
    downloads: config.downloads,
    adminScope: config.adminScope,
    bucketRegion: config.bucketRegion,
    keyPrefix: config.keyPrefix,
    secretId: keysSecretId(service, stage),
  }
}
