import { CloudFrontClient } from '@aws-sdk/client-cloudfront'
import { CloudFrontKeyValueStoreClient } from '@aws-sdk/client-cloudfront-keyvaluestore'
import { DeleteObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { createCloudFrontKeyValues } from '../../shared/aws/sdk/cloudfront-key-values.ts'
import { createCloudFrontKeys } from '../../shared/aws/sdk/cloudfront-keys.ts'
import { createS3Object, createS3State } from '../../shared/aws/sdk/s3-object.ts'
import { createSecretsManagerSecret } from '../../shared/aws/sdk/secrets-manager-secret.ts'
import { bucketOwnerKey, type ProvisionStores } from './stores.ts'

/** Options of every client; everything but an existing bucket is in us-east-1. `endpoint`: an emulator. */
export type ClientSettings = Pick<S3ClientConfig, 'region' | 'endpoint' | 'credentials' | 'requestHandler'>

/** The clients that the stores call. */
export interface AwsClients {
  readonly secrets: SecretsManagerClient
  readonly cloudFront: CloudFrontClient
  readonly keyValues: CloudFrontKeyValueStoreClient
  readonly s3: (region: string) => S3Client
}

/** The clients of one function. A bucket may be in another Region than all the rest. */
export function createAwsClients(settings: ClientSettings): AwsClients {
  const forcePathStyle = settings.endpoint !== undefined
  return {
    secrets: new SecretsManagerClient(settings),
    cloudFront: new CloudFrontClient(settings),
    keyValues: new CloudFrontKeyValueStoreClient(settings),
    s3: (region) => new S3Client({ ...settings, region, forcePathStyle }),
  }
}

/** The stores in AWS. After `abortSignal` every call is refused, and those under way end. */
export function openAwsStores(secretId: string, clients: AwsClients, abortSignal?: AbortSignal): ProvisionStores {
  const options = abortSignal === undefined ? {} : { abortSignal }
  return {
    secret: createSecretsManagerSecret(clients.secrets, secretId, options),
    trusted: createCloudFrontKeys(clients.cloudFront, options),
    keyValues: (arn) => createCloudFrontKeyValues(clients.keyValues, arn, options),
    bucket: ({ name: Bucket, region }) => {
      const client = clients.s3(region)
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
