import type { Deployment } from '../../shared/config/parse.ts'
import type { KeyAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'

/** The stage's values in the rotation function's bundle. */
export interface RotateKeyFunctionConfig {
  /** `<service>-<stage>`: names in CloudFront start with it. */
  readonly name: string
  readonly secretId: string
  readonly algorithm: KeyAlgorithm
  readonly bucketRegion: string
}

/** Derives the rotation function's configuration. */
export function rotateKeyFunctionConfig({ service, stage, config }: Deployment): RotateKeyFunctionConfig {
  return {
    name: `${service}-${stage}`,
    secretId: keysSecretId(service, stage),
    algorithm: config.keys.algorithm,
    bucketRegion: config.bucketRegion,
  }
}
