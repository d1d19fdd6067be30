import * as v from 'valibot'
import { ConfigError } from '../../shared/errors.ts'
import { keyAlgorithms } from '../../shared/keys/key-algorithm.ts'

/**
 * The event of a custom resource.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
 */
const requestSchema = v.object({
  RequestType: v.picklist(['Create', 'Update', 'Delete']),
  ResponseURL: v.string(),
  StackId: v.string(),
  RequestId: v.string(),
  LogicalResourceId: v.string(),
  ResourceProperties: v.record(v.string(), v.unknown()),
})

/** A request of CloudFormation; its properties are not checked yet. */
export type ProvisionRequest = v.InferOutput<typeof requestSchema>

const text = v.pipe(v.string(), v.minLength(1))
const propertiesSchema = v.strictObject({
  ServiceToken: text,
  ServiceTimeout: v.optional(text),
  /** Algorithm of new keys; a change of it makes a new key. */
  Algorithm: v.picklist(keyAlgorithms),
  /** Whether the document needs a secret that HS256 sessions are signed with. */
  SessionSecret: v.picklist(['none', 'shared']),
  KeyValueStoreArn: text,
  BucketName: text,
  BucketRegion: text,
  /** Differs from deploy to deploy, so that each of them checks and mends everything. */
  Deployment: text,
})

/** What the template asks for. */
export type ProvisionProperties = v.InferOutput<typeof propertiesSchema>

/**
 * Reads the event.
 *
 * @throws ConfigError where it does not come from CloudFormation; nobody waits for an answer then.
 */
export function readRequest(event: unknown): ProvisionRequest {
  const request = v.safeParse(requestSchema, event)
  if (!request.success) throw new ConfigError('provision: is called by CloudFormation only')
  return request.output
}

/** @throws ConfigError naming each property that is wrong, missing or unknown. */
export function readProperties({ LogicalResourceId, ResourceProperties }: ProvisionRequest): ProvisionProperties {
  const properties = v.safeParse(propertiesSchema, ResourceProperties)
  if (properties.success) return properties.output
  // Names only: a message must not show what a property holds.
  const names = properties.issues.map((issue) => v.getDotPath(issue) ?? 'ResourceProperties')
  throw new ConfigError(
    `${LogicalResourceId}: property ${[...new Set(names)].join(', ')} is unknown, missing or wrong; known are ` +
      Object.keys(propertiesSchema.entries).join(', '),
  )
}

/** The bucket of the properties, where they name one; a removal must not fail over properties that a creation refused. */
export function bucketOf({ ResourceProperties }: ProvisionRequest): { name: string; region: string } | undefined {
  const { BucketName, BucketRegion } = ResourceProperties
  if (typeof BucketName !== 'string' || typeof BucketRegion !== 'string') return undefined
  return { name: BucketName, region: BucketRegion }
}
