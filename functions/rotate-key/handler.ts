import { CloudFrontClient } from '@aws-sdk/client-cloudfront'
import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
import { S3Client } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
// The KeyValueStore's data API takes Signature Version 4A only; importing the package is what gives it to the client.
import '@aws-sdk/signature-v4a'
import { createCloudFrontKeys } from '../../shared/keys/aws/cloudfront-keys.ts'
import { createSecretsManagerSecret } from '../../shared/keys/aws/secrets-manager-secret.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import { createCloudFrontKeyValues } from '../../shared/revocation/aws/cloudfront-key-values.ts'
import { createS3State } from '../../shared/revocation/aws/s3-state.ts'
import type { RotateKeyFunctionConfig } from './config.ts'
import { createRotateKeyHandler } from './create-handler.ts'

/** Put in by the build. */
declare const __CONFIG__: RotateKeyFunctionConfig

const { name, secretId, algorithm, bucketRegion } = __CONFIG__
const settings = { region: 'us-east-1' }
const { KEY_VALUE_STORE_ARN = '', BUCKET = '' } = process.env

/** Rotation of the signing key, and the daily rule. */
export const handler = createRotateKeyHandler({
  ring: {
    name,
    algorithm,
    secret: createSecretsManagerSecret(new SecretsManagerClient(settings), secretId),
    trusted: createCloudFrontKeys(new CloudFrontClient(settings)),
    times: keyTimes,
    report: (line) => console.log(JSON.stringify({ rotateKey: line })),
  },
  revocations: {
    keyValues: createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient(settings), KEY_VALUE_STORE_ARN),
    state: createS3State(new S3Client({ region: bucketRegion }), BUCKET),
  },
  nowMs: Date.now,
})
