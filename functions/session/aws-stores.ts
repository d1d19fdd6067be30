import { createKmsSign } from '../../shared/cloudfront/kms-sign.ts'
import { ServiceError } from '../../shared/errors.ts'
import { type AwsConnection, awsFetch } from '../../shared/keys/aws-fetch.ts'
import { createSecretsManager } from '../../shared/keys/secrets-manager.ts'
import { revocationStateKey } from '../../shared/revocation/state.ts'
import { fetchKeySet } from '../../shared/session/fetch-key-set.ts'
import type { SessionFunctionConfig } from './config.ts'
import type { SessionStores, StateStore } from './services.ts'

/** What the stores need from their surroundings. */
export interface AwsSurroundings extends AwsConnection {
  /** Looked up at each call, so that a host process can stand in for AWS. */
  readonly fetch: typeof fetch
}

/** The stores as deployed: Secrets Manager, the bucket, the app's JWKS endpoint, KMS. */
export function createAwsStores(config: SessionFunctionConfig, accountId: string, aws: AwsSurroundings): SessionStores {
  return {
    secrets: createSecretsManager(aws),
    state: createBucketState(config.bucket ?? `${config.bucketPrefix}${accountId}`, config.bucketRegion, aws),
    loadKeySet: (url) => fetchKeySet(url, aws),
    kmsSign: createKmsSign(aws),
  }
}

/**
 * The revocation state in the bucket. S3 answers 404 only to a role with `s3:ListBucket`, and 403 to others; a 403 is an
 * outage here, because it would also hide a state that is there.
 */
function createBucketState(bucket: string, region: string, aws: AwsSurroundings): StateStore {
  const url = `https://${bucket}.s3.${region}.amazonaws.com/${revocationStateKey}`
  return {
    async load() {
      const { status, body } = await awsFetch({ service: 's3', region, url }, aws).catch((cause: unknown) => {
        throw new ServiceError('ERR_STATE_UNAVAILABLE', 'S3 gave no answer', { cause })
      })
      if (status === 404) return undefined
      if (status !== 200) throw new ServiceError('ERR_STATE_UNAVAILABLE', `S3 answered ${status}`)
      return body
    },
  }
}
