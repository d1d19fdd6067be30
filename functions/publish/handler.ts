import { randomUUID } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { createCloudFrontInvalidation, noInvalidation } from '../../shared/assets/cdn-invalidation.ts'
import { s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import { roleCredentials } from '../../shared/keys/role-credentials.ts'
import { embeddedMetric, metricNames } from '../../shared/operations/embedded-metric.ts'
import type { PublishFunctionConfig } from './config.ts'
import { type ObjectCreatedEvent, publishEvent } from './publish-event.ts'

/** Put in by the build: the stage's configuration, without secrets. */
declare const __CONFIG__: PublishFunctionConfig

const config = __CONFIG__
const { BUCKET: bucket = '', DISTRIBUTION_ID: distributionId } = process.env
const log = (entry: object) => console.log(JSON.stringify(entry))

const store = createS3Store({
  client: new S3Client({ ...s3ClientDefaults, region: config.bucketRegion }),
  bucket,
  keyPrefix: config.keyPrefix,
  conditionalCopy: 'native',
  // It signs nothing.
  ticketSeconds: 0,
})
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

/** Publishes what arrives in the incoming area; EventBridge calls it for each object created there. */
export async function handler(event: ObjectCreatedEvent): Promise<void> {
  const outcome = await publishEvent(event, config.keyPrefix, { store, cdn, quotaBytes: config.quotaBytes })
  const isRefused = outcome.startsWith('ERR_')
  const name = isRefused ? metricNames.uploadsRefused : metricNames.uploadsPublished
  const counts = isRefused || outcome === 'published'
  log({
    level: isRefused ? 'warn' : 'info',
    outcome,
    ...(counts ? embeddedMetric(name, 1, config.stageName, Math.floor(Date.now() / 1000)) : {}),
  })
}
