import type { Deployment } from '../../shared/config/parse.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'

/** A page of Edge Signer in the bucket. */
export interface Page {
  /** Object key, such as `_edge/pages/403.html`. */
  readonly key: string
  readonly contentType: string
  readonly text: string
}

/** The stage's values in the provision function's bundle. The rest comes as resource properties. */
export interface ProvisionFunctionConfig {
  /** `<service>-<stage>`: names in CloudFront start with it. */
  readonly name: string
  /** `<service>/<stage>`: what the bucket is marked with. */
  readonly bucketOwner: string
  readonly secretId: string
  readonly pages: readonly Page[]
}

/** Derives the provision function's configuration. The pages' keys are those below the stage's `keyPrefix`. */
export function provisionFunctionConfig(
  { service, stage, config }: Deployment,
  pages: readonly Page[],
): ProvisionFunctionConfig {
  return {
    name: `${service}-${stage}`,
    bucketOwner: `${service}/${stage}`,
    secretId: keysSecretId(service, stage),
    pages: pages.map((page) => ({ ...page, key: `${config.keyPrefix}${page.key}` })),
  }
}
