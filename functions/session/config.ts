import type { CdnHosts } from '../../shared/config/cdn-hosts.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { type GrantTemplate, reservedSegments, templateBehaviour } from '../../shared/grant/template.ts'
import type { HttpResponse } from '../../shared/http/message.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'
import { stageHeaders } from '../../shared/read/answer-headers.ts'
import { filesPagePath } from '../../shared/read/check-read.ts'
import { type ReadRules, readRules } from '../../shared/read/read-rules.ts'

/** Configuration of the session function for its stage, put into its bundle at packaging. No key and no secret: those are fetched. */
export interface SessionFunctionConfig {
  readonly session: StageConfig['session']
  /** Grant templates, parsed: their parser stays behind. */
  readonly templates: readonly GrantTemplate[]
  /** Paths that belong to no app. */
  readonly ownPaths: readonly string[]
  readonly cookies: StageConfig['cookies']
  /** Rules of a request for a file. */
  readonly rules: ReadRules
  /** True if this function guards the files; false if CloudFront and the guard do. */
  readonly gate: boolean
  readonly hosts: CdnHosts
  /** Path of the Files page; `null` if the stage does not serve it. */
  readonly filesPage: string | null
  /** True if paths that are not ours belong to an app. */
  readonly hasApp: boolean
  readonly allowedOrigins: readonly string[]
  /** From `stageHeaders`. */
  readonly headers: HttpResponse['headers']
  /** True if sign-out also clears the app's session cookie. */
  readonly endSession: boolean
  /** Id of the key document in Secrets Manager. */
  readonly secretId: string
  /** Name of the bucket; `null` means `bucketPrefix` and the account id, which the function learns when it runs. */
  readonly bucket: string | null
  readonly bucketPrefix: string
  readonly bucketRegion: string
}

/** Derives the session function's configuration. */
export function sessionFunctionConfig({ service, stage, config }: Deployment): SessionFunctionConfig {
  return {
    session: config.session,
    templates: config.grants,
    ownPaths: [
      ...reservedSegments.map((segment) => `/${segment}/`),
      ...config.grants.map((template) => templateBehaviour(template).slice(0, -1)),
    ],
    cookies: config.cookies,
    rules: readRules(config),
    gate: config.enforcement === 'gate',
    hosts: config.hosts,
    filesPage: config.pages.files ? filesPagePath : null,
    hasApp: config.appOrigin !== null,
    allowedOrigins: config.allowedOrigins,
    headers: stageHeaders(config),
    endSession: config.signOut.endSession,
    secretId: keysSecretId(service, stage),
    bucket: config.bucket,
    bucketPrefix: `${service}-${stage}-`,
    bucketRegion: config.bucketRegion,
  }
}
