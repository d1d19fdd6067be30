import { setTimeout as wait } from 'node:timers/promises'
import type { ArrivedPage } from '../../shared/assets/s3/list.ts'
import type { S3Location } from '../../shared/assets/s3/location.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError } from '../../shared/errors.ts'
import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import { parseHttpDate } from '../input/time.ts'
import { type ClientSettings, throughAws } from './aws-clients.ts'

/** A deployed stage as CloudFormation describes it. */
export interface DeployedStack {
  /** ARN of the stack. */
  readonly id: string
  /** `UPDATE_COMPLETE` and the like. */
  readonly status: string
  /** Time of the response by AWS's own clock, in epoch seconds; `undefined` if the response has no `Date`. */
  readonly answeredAt: number | undefined
  readonly outputs: ReadonlyMap<string, string>
}

/**
 * Reads the stack of a stage. The configuration does not suffice, because the parameters of a deployment may have named another
 * bucket, host or mode.
 *
 * @throws ConfigError if the stage is not deployed; CredentialsError; ServiceError.
 */
export async function readStack({ service, stage }: Deployment, settings: ClientSettings): Promise<DeployedStack> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation')
  const StackName = `${service}-${stage}`
  const client = new CloudFormationClient(settings)
  let answeredAt: number | undefined
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args)
      const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> }
      answeredAt = parseHttpDate(headers?.date)
      return result
    },
    // The step nearest to the network sees the headers.
    { step: 'deserialize', priority: 'low' },
  )
  const stacks = await throughAws(async () => {
    try {
      return (await client.send(new DescribeStacksCommand({ StackName }))).Stacks
    } catch (error) {
      // CloudFormation has no specific error for a missing stack.
      if (error instanceof Error && error.name === 'ValidationError') return []
      throw error
    }
  })
  const [stack] = stacks ?? []
  if (stack === undefined) {
    throw new ConfigError(`stage ${stage} is not deployed: this account has no stack ${StackName} (see AWS_PROFILE)`)
  }
  const outputs = (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const)
  return { id: stack.StackId ?? '', status: stack.StackStatus ?? 'unknown', answeredAt, outputs: new Map(outputs) }
}

/** Returns an output of the stack. @throws ConfigError if the stack was deployed by a version without this output. */
export function requireOutput({ outputs }: DeployedStack, name: string): string {
  const value = outputs.get(name)
  if (value === undefined) throw new ConfigError(`the stack has no output ${name}: deploy it again`)
  return value
}

/** Names of the deployed parts of a stage. */
export interface StageParts {
  readonly keyValueStoreArn: string
  readonly bucket: string
  readonly bucketRegion: string
}

/** Returns the parts of a stack. @throws ConfigError if the stack was deployed by a version without these outputs. */
export function partsOf(stack: DeployedStack): StageParts {
  return {
    keyValueStoreArn: requireOutput(stack, 'KeyValueStoreArn'),
    bucket: requireOutput(stack, 'BucketName'),
    bucketRegion: requireOutput(stack, 'BucketRegion'),
  }
}

/** Opens the stores of the revocations of a deployed stage. */
export async function openRevocationStores(
  { keyValueStoreArn, bucket, bucketRegion }: StageParts,
  settings: ClientSettings,
): Promise<RevocationStores> {
  const [{ S3Client }, { CloudFrontKeyValueStoreClient }, { createS3State }, { createCloudFrontKeyValues }] =
    await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/client-cloudfront-keyvaluestore'),
      import('../../shared/aws/sdk/s3-object.ts'),
      import('../../shared/aws/sdk/cloudfront-key-values.ts'),
    ])
  const s3 = new S3Client({ ...settings, region: bucketRegion, forcePathStyle: settings.endpoint !== undefined })
  return {
    state: createS3State(s3, bucket),
    home: bucket,
    clock: { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) },
    keyValues: createCloudFrontKeyValues(new CloudFrontKeyValueStoreClient(settings), keyValueStoreArn),
  }
}

/** Returns a function that lists the incoming uploads of a deployed stage page by page. */
export async function openIncoming(
  { bucket, bucketRegion }: StageParts,
  keyPrefix: string,
  settings: ClientSettings,
): Promise<(after: string | undefined) => Promise<ArrivedPage>> {
  const [{ S3Client }, { listIncoming }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../../shared/assets/s3/list.ts'),
  ])
  const client = new S3Client({ ...settings, region: bucketRegion, forcePathStyle: settings.endpoint !== undefined })
  const location: S3Location = { client, bucket, keyPrefix, conditionalCopy: 'native' }
  return (after) => listIncoming(location, after)
}

/** Opens the keys of a deployed stage. Its `report` discards all lines; a caller that changes keys replaces it. */
export async function openKeyRing(
  { service, stage, config }: Deployment,
  settings: ClientSettings,
  now: number,
): Promise<KeyRing> {
  const [{ SecretsManagerClient }, { CloudFrontClient }, { createSecretsManagerSecret }, { createCloudFrontKeys }] =
    await Promise.all([
      import('@aws-sdk/client-secrets-manager'),
      import('@aws-sdk/client-cloudfront'),
      import('../../shared/aws/sdk/secrets-manager-secret.ts'),
      import('../../shared/aws/sdk/cloudfront-keys.ts'),
    ])
  return {
    name: `${service}-${stage}`,
    secret: createSecretsManagerSecret(new SecretsManagerClient(settings), keysSecretId(service, stage)),
    trusted: createCloudFrontKeys(new CloudFrontClient(settings)),
    algorithm: config.keys.algorithm,
    times: keyTimes,
    now,
    clock: { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) },
    report: () => {},
  }
}
