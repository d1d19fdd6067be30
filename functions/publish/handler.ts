import { randomBytes, randomUUID } from 'node:crypto'
import { S3Client } from '@aws-sdk/client-s3'
import { listIncoming } from '../../shared/assets/s3/list.ts'
import { type S3Location, s3ClientDefaults } from '../../shared/assets/s3/location.ts'
import { createS3Store } from '../../shared/assets/s3/store.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { createCloudFrontInvalidation, noInvalidation } from '../../shared/aws/edge/cdn-invalidation.ts'
import { roleCredentials } from '../../shared/aws/edge/signature-v4.ts'
import { createS3State, loadStateText } from '../../shared/aws/sdk/s3-object.ts'
import { send } from '../../shared/http/https-send.ts'
import { parseRevocationState } from '../../shared/revocation/state.ts'
import { isUploadRevoked } from '../../shared/uploads/upload-token.ts'
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
      send,
      credentials: () => roleCredentials(process.env),
      nowMs: Date.now,
      newReference: randomUUID,
      onFailure: (error) => log({ level: 'error', code: error.code, reason: error.message }),
    })
  : noInvalidation

const state = createS3State(location.client, bucket)
/** Read again for each upload that is about to be published: revocations hold at once, and an outage publishes nothing. */
async function isRevoked(upload: Upload): Promise<boolean> {
  return isUploadRevoked(parseRevocationState(await loadStateText(state)), upload)
}

/** Publishes what arrives in the incoming area, by its event or by the hourly rule. */
export const handler = createPublishHandler({
  options: { store, cdn, quotaBytes, isRevoked },
  keyPrefix,
  stageName,
  list: (after) => listIncoming(location, after),
  nowMs: Date.now,
  newId: () => randomBytes(16).toString('base64url'),
  log,
})
