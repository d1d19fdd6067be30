import { ConfigError, ServiceError } from '../../shared/errors.ts'
import type { KeyStores, StackStores, TrustedKeys } from './stores.ts'

/** Settings that every client shares: all of this lives in us-east-1. */
export interface ClientSettings {
  readonly region: string
  readonly endpoint?: string
}

/** The stores that `create` works on, in AWS. Clients are loaded here and not at start, so that `--help` is instant. */
export async function awsKeyStores(settings: ClientSettings): Promise<KeyStores> {
  return {
    cloudFront: await trustedKeys(settings),
    secrets: await secretValues(settings),
    parameters: await parameterValues(settings),
  }
}

/** The stores that `stamp` works on, found through the outputs of the deployed stack. */
export async function awsStackStores(
  settings: ClientSettings,
  stackName: string,
  bucketRegion: string,
): Promise<StackStores> {
  const outputs = await stackOutputs(settings, stackName)
  return {
    secrets: await secretValues(settings),
    keyValues: await keyValues(settings, requireOutput(outputs, 'KeyValueStoreArn')),
    objects: await objects({ ...settings, region: bucketRegion }, requireOutput(outputs, 'BucketName')),
  }
}

async function trustedKeys(settings: ClientSettings): Promise<TrustedKeys> {
  const aws = await import('@aws-sdk/client-cloudfront')
  const client = new aws.CloudFrontClient(settings)
  return {
    async createPublicKey(name, pem) {
      const { PublicKey } = await client.send(
        new aws.CreatePublicKeyCommand({ PublicKeyConfig: { CallerReference: name, Name: name, EncodedKey: pem } }),
      )
      return present(PublicKey?.Id, 'CreatePublicKey')
    },
    async deletePublicKey(id) {
      const { ETag } = await client.send(new aws.GetPublicKeyCommand({ Id: id }))
      await client.send(new aws.DeletePublicKeyCommand({ Id: id, IfMatch: ETag }))
    },
    async findKeyGroup(name) {
      let Marker: string | undefined
      do {
        const { KeyGroupList } = await client.send(new aws.ListKeyGroupsCommand({ ...(Marker && { Marker }) }))
        const group = KeyGroupList?.Items?.find((item) => item.KeyGroup?.KeyGroupConfig?.Name === name)?.KeyGroup
        if (group !== undefined) {
          return { id: present(group.Id, 'ListKeyGroups'), name, keyPairIds: group.KeyGroupConfig?.Items ?? [] }
        }
        Marker = KeyGroupList?.NextMarker
      } while (Marker)
      return undefined
    },
    async createKeyGroup(name, keyPairIds) {
      const { KeyGroup } = await client.send(
        new aws.CreateKeyGroupCommand({ KeyGroupConfig: { Name: name, Items: [...keyPairIds] } }),
      )
      return present(KeyGroup?.Id, 'CreateKeyGroup')
    },
    async updateKeyGroup({ id, name }, keyPairIds) {
      const { ETag } = await client.send(new aws.GetKeyGroupCommand({ Id: id }))
      await client.send(
        new aws.UpdateKeyGroupCommand({
          Id: id,
          IfMatch: ETag,
          KeyGroupConfig: { Name: name, Items: [...keyPairIds] },
        }),
      )
    },
    async deleteKeyGroup(id) {
      const { ETag } = await client.send(new aws.GetKeyGroupCommand({ Id: id }))
      await client.send(new aws.DeleteKeyGroupCommand({ Id: id, IfMatch: ETag }))
    },
  }
}

async function secretValues(settings: ClientSettings): Promise<KeyStores['secrets']> {
  const aws = await import('@aws-sdk/client-secrets-manager')
  const client = new aws.SecretsManagerClient(settings)
  return {
    read: (name) =>
      undefinedWhen(
        'ResourceNotFoundException',
        async () => (await client.send(new aws.GetSecretValueCommand({ SecretId: name }))).SecretString,
      ),
    async write(name, value) {
      await client.send(new aws.CreateSecretCommand({ Name: name, SecretString: value, Description: 'Signing keys' }))
    },
    async remove(name) {
      // Without the recovery window: it was made a moment ago, and the name must be free for the next run.
      await client.send(new aws.DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }))
    },
  }
}

async function parameterValues(settings: ClientSettings): Promise<KeyStores['parameters']> {
  const aws = await import('@aws-sdk/client-ssm')
  const client = new aws.SSMClient(settings)
  return {
    read: (name) =>
      undefinedWhen(
        'ParameterNotFound',
        async () => (await client.send(new aws.GetParameterCommand({ Name: name }))).Parameter?.Value,
      ),
    async write(name, value) {
      await client.send(new aws.PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }))
    },
    async remove(name) {
      await client.send(new aws.DeleteParameterCommand({ Name: name }))
    },
  }
}

async function keyValues(settings: ClientSettings, KvsARN: string): Promise<StackStores['keyValues']> {
  const aws = await import('@aws-sdk/client-cloudfront-keyvaluestore')
  // The data plane takes SigV4A only; importing the package is what makes it available to the client.
  await import('@aws-sdk/signature-v4a')
  const client = new aws.CloudFrontKeyValueStoreClient(settings)
  return {
    read: (Key) =>
      undefinedWhen(
        'ResourceNotFoundException',
        async () => (await client.send(new aws.GetKeyCommand({ KvsARN, Key }))).Value,
      ),
    async write(Key, Value) {
      const { ETag } = await client.send(new aws.DescribeKeyValueStoreCommand({ KvsARN }))
      await client.send(new aws.PutKeyCommand({ KvsARN, Key, Value, IfMatch: ETag }))
    },
  }
}

async function objects(settings: ClientSettings, Bucket: string): Promise<StackStores['objects']> {
  const aws = await import('@aws-sdk/client-s3')
  const client = new aws.S3Client({ ...settings, forcePathStyle: settings.endpoint !== undefined })
  return {
    async write(Key, Body, ContentType) {
      await client.send(new aws.PutObjectCommand({ Bucket, Key, Body, ContentType }))
    },
    async writeIfAbsent(Key, Body, ContentType) {
      const created = await undefinedWhen('PreconditionFailed', () =>
        client.send(new aws.PutObjectCommand({ Bucket, Key, Body, ContentType, IfNoneMatch: '*' })),
      )
      return created !== undefined
    },
  }
}

async function stackOutputs(settings: ClientSettings, StackName: string): Promise<ReadonlyMap<string, string>> {
  const aws = await import('@aws-sdk/client-cloudformation')
  const { Stacks } = await new aws.CloudFormationClient(settings).send(new aws.DescribeStacksCommand({ StackName }))
  return new Map(Stacks?.[0]?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
}

function requireOutput(outputs: ReadonlyMap<string, string>, name: string): string {
  const value = outputs.get(name)
  if (value === undefined) throw new ConfigError(`stack: has no output ${name}; deploy it first`)
  return value
}

function present<T>(value: T | undefined, operation: string): T {
  if (value === undefined) throw new ServiceError('ERR_KEYS_UNAVAILABLE', `${operation} answered without an id`)
  return value
}

async function undefinedWhen<T>(errorName: string, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof Error && error.name === errorName) return undefined
    throw error
  }
}
