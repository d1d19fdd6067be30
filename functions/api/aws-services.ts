import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { S3Client } from '@aws-sdk/client-s3'
import { type S3Location, s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Presign } from '../../shared/assets/s3/presign.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import type { AwsConnection } from '../../shared/aws/edge/aws-send.ts'
import { createCloudFrontInvalidation, noInvalidation } from '../../shared/aws/edge/cdn-invalidation.ts'
import { createKmsSign } from '../../shared/aws/edge/kms-sign.ts'
import { createSecretsManager } from '../../shared/aws/edge/secrets-manager.ts'
import { roleCredentials } from '../../shared/aws/edge/signature-v4.ts'
import { createS3State, loadStateText } from '../../shared/aws/sdk/s3-object.ts'
import { ServiceError } from '../../shared/errors.ts'
import { send } from '../../shared/http/https-send.ts'
import { fetchKeySet } from '../../shared/session/session-keys.ts'
import type { ApiFunctionConfig } from './config.ts'
import { type ApiServices, createApiServices } from './services.ts'

/** The function's environment: values that CloudFormation knows and packaging does not. */
export interface ApiEnvironment {
  readonly BUCKET?: string | undefined
  /**
   * Host of the CDN; absent if the distribution belongs to another stack and `cdnHost` is not configured. Without it no URLs
   * of the CDN are made.
   */
  readonly CDN_HOST?: string | undefined
  /** Absent if the distribution belongs to another stack: copies in its cache then live until their TTL ends. */
  readonly DISTRIBUTION_ID?: string | undefined
  readonly KEY_VALUE_STORE_ARN?: string | undefined
}

/**
 * Creates the services as deployed.
 *
 * @throws ServiceError `ERR_CONFIG` if the environment names no bucket.
 */
export function createAwsServices(config: ApiFunctionConfig, environment: ApiEnvironment): ApiServices {
  const { BUCKET: bucket, CDN_HOST: cdnHost, DISTRIBUTION_ID: distributionId } = environment
  if (!bucket) throw new ServiceError('ERR_CONFIG', 'BUCKET must be set')
  const client = new S3Client({ ...s3ClientDefaults, region: config.bucketRegion })
  const location: S3Location = { client, bucket, keyPrefix: config.keyPrefix, conditionalCopy: 'native' }
  const log: ApiServices['log'] = (entry) => console.log(JSON.stringify(entry))
  const newId = () => randomBytes(16).toString('base64url')
  const aws: AwsConnection = { send, credentials: () => roleCredentials(process.env), nowMs: Date.now }
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
    cdnOrigin: cdnHost ? `https://${cdnHost}` : undefined,
    presign: createS3Presign(location),
    loadKeys: () => secrets.get(config.secretId),
    loadState: () => loadStateText(state),
    async openRevocations() {
      if (!environment.KEY_VALUE_STORE_ARN) throw new ServiceError('ERR_CONFIG', 'KEY_VALUE_STORE_ARN must be set')
      // Loaded on demand: only requests of administrators need this client, and no cold start pays for it.
      const { openKeyValues } = await import('../../shared/aws/sdk/cloudfront-key-values.ts')
      const clock = { nowMs: Date.now, random: Math.random, wait: (ms: number) => wait(ms) }
      return { state, keyValues: openKeyValues(environment.KEY_VALUE_STORE_ARN), home: bucket, clock }
    },
    loadKeySet: (url) => fetchKeySet(url, { send }),
    kmsSign: createKmsSign(aws),
    now: () => Math.floor(Date.now() / 1000),
    newId,
    random: Math.random,
    log,
  })
}
