import type { Deployment } from '../../shared/config/parse.ts'
import { type ReadRules, readRules } from '../../shared/config/read-rules.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { type GrantTemplate, parseGrantTemplate, templateBehaviour } from '../../shared/grant/template.ts'
import { keysSecretId } from '../../shared/keys/secret-store.ts'

/** What the session function knows of its stage, put into its bundle at packaging. No key and no secret: those are fetched. */
export interface SessionFunctionConfig {
  readonly session: StageConfig['session']
  /** Grant templates, parsed: their parser stays behind. */
  readonly templates: readonly GrantTemplate[]
  /** Paths that belong to no app. */
  readonly ownPaths: readonly string[]
  readonly cookies: StageConfig['cookies']
  /** What a request for a file must keep to, where this function guards the files; `null` where CloudFront and the guard do. */
  readonly gate: ReadRules | null
  /** The name that policies are made for; `null` means the request's `Host`. */
  readonly cdnHost: string | null
  readonly aliases: readonly string[]
  /** Whether paths that are not ours belong to an app. */
  readonly hasApp: boolean
  readonly allowedOrigins: readonly string[]
  readonly corp: StageConfig['corp']
  /** Whether sign-out also clears the app's session cookie. */
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
  const templates = config.grants.map(parseGrantTemplate)
  return {
    session: config.session,
    templates,
    ownPaths: [...reservedPaths, ...templates.map((template) => templateBehaviour(template).slice(0, -1))],
    cookies: config.cookies,
    gate: config.enforcement === 'gate' ? readRules(config) : null,
    cdnHost: config.cdnHost,
    aliases: config.aliases,
    hasApp: config.appOrigin !== null,
    allowedOrigins: config.allowedOrigins,
    corp: config.corp,
    endSession: config.signOut.endSession,
    secretId: keysSecretId(service, stage),
    bucket: config.bucket,
    bucketPrefix: `${service}-${stage}-`,
    bucketRegion: config.bucketRegion,
  }
}

const reservedPaths = ['/_edge/', '/_incoming/', '/_state/', '/api/', '/public/']
