import { CloudFrontClient } from '@aws-sdk/client-cloudfront'
import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
import { DeleteObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
// The KeyValueStore's data API takes Signature Version 4A only; importing the package is what gives it to the client.
import '@aws-sdk/signature-v4a'
import { createCloudFrontKeys } from '../../shared/keys/aws/cloudfront-keys.ts'
import { createSecretsManagerSecret } from '../../shared/keys/aws/secrets-manager-secret.ts'
import { createCloudFrontKeyValues } from '../../shared/revocation/aws/cloudfront-key-values.ts'
import { createS3Object } from '../../shared/revocation/aws/s3-object.ts'
import { createS3State } from '../../shared/revocation/aws/s3-state.ts'
import { bucketOwnerKey } from './bucket-owner.ts'
import type { ProvisionStores } from './stores.ts'

/** What every client is made with; all of it but a foreign bucket is in us-east-1. `endpoint`: an emulator. */
export type ClientSettings = Pick<S3ClientConfig, 'region' | 'endpoint' | 'credentials' | 'requestHandler'>

/** The stores in AWS. After `abortSignal` every call is refused, and those under way end. */
export function openAwsStores(secretId: string, settings: ClientSettings, abortSignal?: AbortSignal): ProvisionStores {
  const options = abortSignal === undefined ? {} : { abortSignal }
  return {
    secret: createSecretsManagerSecret(new SecretsManagerClient(settings), secretId, options),
    trusted: createCloudFrontKeys(new CloudFrontClient(settings), options),
    keyValues: (arn) => createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient(settings), arn, options),
    bucket: ({ name: Bucket, region }) => {
      const client = new S3Client({ ...settings, region, forcePathStyle: settings.endpoint !== undefined })
      return {
        name: Bucket,
        state: createS3State(client, Bucket, options),
        owner: createS3Object(client, { Bucket, Key: bucketOwnerKey, ContentType: 'text/plain' }, options),
        pages: {
          async write({ key: Key, contentType: ContentType, text: Body }) {
            await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }), options)
          },
          async remove(Key) {
            await client.send(new DeleteObjectCommand({ Bucket, Key }), options)
          },
        },
      }
    },
  }
}
