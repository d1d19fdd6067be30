import type { Deployment } from '../../shared/config/parse.ts'
import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import { keysSecretId } from '../../shared/keys/secret-store.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import type { ClientSettings } from './client-settings.ts'
import { type DeployedStack, readStack, requireOutput } from './stack.ts'

/** Where the deployed parts of a stage are. */
export interface StageParts {
  readonly keyValueStoreArn: string
  readonly bucket: string
  readonly bucketRegion: string
}

/** Finds the parts of a deployed stage. @throws ConfigError where it is not deployed. */
export async function findStageParts(deployment: Deployment, settings: ClientSettings): Promise<StageParts> {
  return partsOf(await readStack(deployment, settings))
}

/** The parts of a stack that was read. @throws ConfigError where it was deployed by a version that did not name them. */
export function partsOf(stack: DeployedStack): StageParts {
  return {
    keyValueStoreArn: requireOutput(stack, 'KeyValueStoreArn'),
    bucket: requireOutput(stack, 'BucketName'),
    bucketRegion: requireOutput(stack, 'BucketRegion'),
  }
}

/** Where a deployed stage keeps its revocations. */
export async function openRevocations(
  { keyValueStoreArn, bucket, bucketRegion }: StageParts,
  settings: ClientSettings,
): Promise<RevocationStores> {
  const [{ S3Client }, { CloudFrontKeyValueStoreClient }, { createS3State }, { createCloudFrontKeyValues }] =
    await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/client-cloudfront-keyvaluestore'),
      import('../../shared/revocation/aws/s3-state.ts'),
      import('../../shared/revocation/aws/cloudfront-key-values.ts'),
      // The KeyValueStore's data API takes Signature Version 4A only; importing the package is what gives it to the client.
      import('@aws-sdk/signature-v4a'),
    ])
  const s3 = new S3Client({ ...settings, region: bucketRegion, forcePathStyle: settings.endpoint !== undefined })
  return {
    state: createS3State(s3, bucket),
    keyValues: createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient(settings), keyValueStoreArn),
  }
}

/** The keys of a deployed stage. `report` is never called by what only looks. */
export async function openKeyRing(
  { service, stage, config }: Deployment,
  settings: ClientSettings,
  now: number,
): Promise<KeyRing> {
  const [{ SecretsManagerClient }, { CloudFrontClient }, { createSecretsManagerSecret }, { createCloudFrontKeys }] =
    await Promise.all([
      import('@aws-sdk/client-secrets-manager'),
      import('@aws-sdk/client-cloudfront'),
      import('../../shared/keys/aws/secrets-manager-secret.ts'),
      import('../../shared/keys/aws/cloudfront-keys.ts'),
    ])
  return {
    name: `${service}-${stage}`,
    secret: createSecretsManagerSecret(new SecretsManagerClient(settings), keysSecretId(service, stage)),
    trusted: createCloudFrontKeys(new CloudFrontClient(settings)),
    algorithm: config.keys.algorithm,
    times: keyTimes,
    now,
    report: () => {},
  }
}
