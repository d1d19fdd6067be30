import type { CdnHosts } from '../../shared/config/cdn-hosts.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { maxGrants } from '../../shared/grant/grants-for.ts'
import type { GrantTemplate } from '../../shared/grant/template.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'

/** Configuration of the API for its stage, put into its bundle at packaging. No key and no secret: those are fetched. */
export interface ApiFunctionConfig {
  /** `<service>-<stage>`; metrics carry it. */
  readonly stageName: string
  readonly session: StageConfig['session']
  /** True if refusals of sessions show their reason: on a developer's machine only. */
  readonly showReasons: boolean
  /** Parsed at packaging: the bundle needs no parser. */
  readonly grants: readonly GrantTemplate[]
  /** Max grants of one session. */
  readonly grantLimit: number
  readonly allowedOrigins: readonly string[]
  /** Configured host names. `CDN_HOST` is the generated one if there is no primary host. */
  readonly hosts: CdnHosts
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
    showReasons: stage === 'local',
    grants: config.grants,
    grantLimit: maxGrants(config.cookies.domain),
    allowedOrigins: config.allowedOrigins,
    hosts: config.hosts,
    uploads: config.uploads,
    downloads: config.downloads,
    adminScope: config.adminScope,
    bucketRegion: config.bucketRegion,
    keyPrefix: config.keyPrefix,
    secretId: keysSecretId(service, stage),
  }
}
