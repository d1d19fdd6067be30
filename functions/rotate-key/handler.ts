import { setTimeout as wait } from 'node:timers/promises'
import { CloudFrontClient } from '@aws-sdk/client-cloudfront'
import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { createCloudFrontKeyValues } from '../../shared/aws/sdk/cloudfront-key-values.ts'
import { createCloudFrontKeys } from '../../shared/aws/sdk/cloudfront-keys.ts'
import { createS3State } from '../../shared/aws/sdk/s3-object.ts'
import { createSecretsManagerSecret } from '../../shared/aws/sdk/secrets-manager-secret.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import type { Clock } from '../../shared/operations/retry.ts'
import type { RotateKeyFunctionConfig } from './config.ts'
import { createRotateKeyHandler } from './create-handler.ts'

/** Put in by the build. */
declare const __CONFIG__: RotateKeyFunctionConfig

const { name, secretId, algorithm, bucketRegion } = __CONFIG__
const settings = { region: 'us-east-1' }
const { KEY_VALUE_STORE_ARN = '', BUCKET = '' } = process.env

const clock: Clock = { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) }

/** Rotation of the signing key, and the daily rule. */
export const handler = createRotateKeyHandler({
  ring: {
    name,
    algorithm,
    secret: createSecretsManagerSecret(new SecretsManagerClient(settings), secretId),
    trusted: createCloudFrontKeys(new CloudFrontClient(settings)),
    times: keyTimes,
    clock,
    report: (line) => console.log(JSON.stringify({ rotateKey: line })),
  },
  revocations: {
    keyValues: createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient(settings), KEY_VALUE_STORE_ARN),
    state: createS3State(new S3Client({ region: bucketRegion }), BUCKET),
    home: BUCKET,
    clock,
  },
})
