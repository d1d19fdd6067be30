import { randomBytes, randomUUID } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { createCloudFrontInvalidation, noInvalidation } from '../../shared/assets/cdn-invalidation.ts'
import { listIncoming } from '../../shared/assets/s3/list.ts'
import { type S3Location, s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import { roleCredentials } from '../../shared/keys/role-credentials.ts'
import type { PublishFunctionConfig } from './config.ts'
import { createPublishHandler } from './create-handler.ts'

/** Put in by the build: the stage's configuration, without secrets. */
declare const __CONFIG__: PublishFunctionConfig

const { stageName, bucketRegion, keyPrefix, quotaBytes } = __CONFIG__
const { BUCKET: bucket = '', DISTRIBUTION_ID: distributionId } = process.env
const log = (entry: object) => console.log(JSON.stringify(entry))

const location: S3Location = {
  client: new S3Client({ ...s3ClientDefaults, region: bucketRegion }),
  bucket,
  keyPrefix,
  conditionalCopy: 'native',
}
// It signs nothing.
const store = createS3Store({ ...location, ticketSeconds: 0 })
const cdn = distributionId
  ? createCloudFrontInvalidation({
      distributionId,
      fetch,
      credentials: () => roleCredentials(process.env),
      nowMs: Date.now,
      newReference: randomUUID,
      onFailure: (error) => log({ level: 'error', code: error.code, reason: error.message }),
    })
  : noInvalidation

/** Publishes what arrives in the incoming area, by its event or by the hourly rule. */
export const handler = createPublishHandler({
  options: { store, cdn, quotaBytes },
  keyPrefix,
  stageName,
  list: (after) => listIncoming(location, after),
  nowMs: Date.now,
  newId: () => randomBytes(16).toString('base64url'),
  log,
})
