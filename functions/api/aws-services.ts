import { randomBytes } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { createCloudFrontInvalidation, noInvalidation } from '../../shared/assets/cdn-invalidation.ts'
import { createS3Presign } from '../../shared/assets/s3/download.ts'
import { type S3Location, s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import { createKmsSign } from '../../shared/cloudfront/kms-sign.ts'
import { ServiceError } from '../../shared/errors.ts'
import type { AwsConnection } from '../../shared/keys/aws-fetch.ts'
import { roleCredentials } from '../../shared/keys/role-credentials.ts'
import { createSecretsManager } from '../../shared/keys/secrets-manager.ts'
import { createS3State } from '../../shared/revocation/aws/s3-state.ts'
import type { StateObject } from '../../shared/revocation/stores.ts'
import { fetchKeySet } from '../../shared/session/fetch-key-set.ts'
import type { ApiFunctionConfig } from './config.ts'
import { createApiServices } from './create-services.ts'
import type { ApiServices } from './services.ts'

/** What CloudFormation knows and packaging does not; the function's environment. */
export interface ApiEnvironment {
  readonly BUCKET?: string | undefined
  /**
   * The CDN's host name; absent where the distribution is somebody else's and `cdnHost` is not configured. No URLs of the CDN are
   * made then; all else works.
   */
  readonly CDN_HOST?: string | undefined
  /** Absent where the distribution is somebody else's: its owner then invalidates, or lives with the TTL. */
  readonly DISTRIBUTION_ID?: string | undefined
  readonly KEY_VALUE_STORE_ARN?: string | undefined
}

/**
 * The services as deployed.
 *
 * @throws ServiceError `ERR_CONFIG` where the environment names no bucket.
 */
export function createAwsServices(config: ApiFunctionConfig, environment: ApiEnvironment): ApiServices {
  const { BUCKET: bucket, CDN_HOST: cdnHost, DISTRIBUTION_ID: distributionId } = environment
  if (!bucket) throw new ServiceError('ERR_CONFIG', 'BUCKET must be set')
  const client = new S3Client({ ...s3ClientDefaults, region: config.bucketRegion })
  const location: S3Location = { client, bucket, keyPrefix: config.keyPrefix, conditionalCopy: 'native' }
  const log: ApiServices['log'] = (entry) => console.log(JSON.stringify(entry))
  const newId = () => randomBytes(16).toString('base64url')
  const aws: AwsConnection = { fetch, credentials: () => roleCredentials(process.env), nowMs: Date.now }
  const secrets = createSecretsManager(aws)
  const state = createS3State(client, bucket)
  return createApiServices(config, {
    store: createS3Store({ ...location, ticketSeconds: config.uploads.ticketSeconds }),
    cdn: distributionId
      ? createCloudFrontInvalidation({
          distributionId,
          ...aws,
          newReference: newId,
          onFailure: (error) => log({ level: 'error', code: error.code, reason: error.message }),
        })
      : noInvalidation,
    cdnName: cdnHost ? { host: cdnHost, origin: `https://${cdnHost}` } : undefined,
    presign: createS3Presign(location),
    loadKeys: () => secrets.get(config.secretId),
    loadState: () => loadState(state),
    async openRevocations() {
      if (!environment.KEY_VALUE_STORE_ARN) throw new ServiceError('ERR_CONFIG', 'KEY_VALUE_STORE_ARN must be set')
      // Not at start: its client and Signature Version 4A are for an administrator's request alone.
      const { openKeyValues } = await import('./key-values.ts')
      return { state, keyValues: openKeyValues(environment.KEY_VALUE_STORE_ARN) }
    },
    loadKeySet: (url) => fetchKeySet(url, { fetch }),
    kmsSign: createKmsSign(aws),
    now: () => Math.floor(Date.now() / 1000),
    newId,
    random: Math.random,
    log,
  })
}

/** Only S3's word that there is no revocation state counts as none; anything else is an outage. */
async function loadState(state: StateObject): Promise<string | undefined> {
  try {
    return (await state.load())?.json
  } catch (cause) {
    throw new ServiceError('ERR_STATE_UNAVAILABLE', 'S3 gave no revocation state', { cause })
  }
}
