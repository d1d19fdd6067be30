import type { KmsSign } from '../../shared/cloudfront/signer.ts'
import { ServiceError } from '../../shared/errors.ts'
import { createSecretsManager } from '../../shared/keys/secrets-manager.ts'
import { revocationStateKey } from '../../shared/revocation/state.ts'
import { type AwsSurroundings, awsFetch } from './aws-fetch.ts'
import type { SessionFunctionConfig } from './config.ts'
import type { SessionStores, StateStore } from './services.ts'

/** The stores as deployed: Secrets Manager, the bucket, the app's JWKS endpoint, KMS. */
export function createAwsStores(config: SessionFunctionConfig, accountId: string, aws: AwsSurroundings): SessionStores {
  return {
    secrets: createSecretsManager(aws),
    state: createBucketState(config.bucket ?? `${config.bucketPrefix}${accountId}`, config.bucketRegion, aws),
    loadKeySet: (url) => loadKeySet(url, aws),
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

/** A redirect is refused: the address in the config is the one that was trusted. */
async function loadKeySet(url: string, aws: AwsSurroundings): Promise<unknown> {
  const response = await aws.fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(1500),
  })
  if (!response.ok) throw new ServiceError('ERR_JWKS_UNAVAILABLE')
  return response.json()
}

/**
 * KMS `Sign`, in the Region of the key's ARN, else us-east-1.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
function createKmsSign(aws: AwsSurroundings): KmsSign {
  return async (keyId, signingAlgorithm, message) => {
    const region = /^arn:[^:]+:kms:([a-z0-9-]+):/.exec(keyId)?.[1] ?? 'us-east-1'
    const { status, body } = await awsFetch(
      {
        service: 'kms',
        region,
        url: `https://kms.${region}.amazonaws.com/`,
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.Sign' },
        body: JSON.stringify({
          KeyId: keyId,
          Message: Buffer.from(message).toString('base64'),
          MessageType: 'RAW',
          SigningAlgorithm: signingAlgorithm,
        }),
      },
      aws,
    )
    if (status !== 200) throw new Error(`KMS answered ${status}`)
    return Buffer.from(JSON.parse(body).Signature, 'base64')
  }
}
