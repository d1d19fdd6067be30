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
  OldResourceProperties: v.optional(v.record(v.string(), v.unknown())),
})

/** A request of CloudFormation; its properties are not checked yet. */
export type ProvisionRequest = v.InferOutput<typeof requestSchema>

const text = v.pipe(v.string(), v.minLength(1))
const propertiesSchema = v.strictObject({
  ServiceToken: text,
  ServiceTimeout: v.optional(text),
  /** Algorithm of new keys; a change of it makes a new key. */
  Algorithm: v.picklist(keyAlgorithms),
  /** `shared` if the document needs a secret for HS256 sessions. */
  SessionSecret: v.picklist(['none', 'shared']),
  KeyValueStoreArn: text,
  BucketName: text,
  BucketRegion: text,
  /** Name of the deployment, with its time: differs from deploy to deploy, so that each checks and repairs everything. */
  Deployment: text,
})

/** Resource properties from the template. */
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

/**
 * Returns true if CloudFormation rolls an update back: it sends the update again, with old and new properties swapped. A
 * deployment is named for the time at which it was packaged, so a rollback goes from a later one to an earlier one. A deploy
 * of an older package looks the same, and is treated the same.
 */
export function isRollback({ RequestType, ResourceProperties, OldResourceProperties }: ProvisionRequest): boolean {
  const to = packagedAt(ResourceProperties)
  const from = packagedAt(OldResourceProperties)
  return RequestType === 'Update' && to !== undefined && from !== undefined && to < from
}

/** The epoch milliseconds that the name of a deployment begins with: `1764118405000-2025-11-26T00:53:25.000Z`. */
function packagedAt(properties: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const time =
    typeof properties?.Deployment === 'string' ? /^([0-9]{10,16})-/.exec(properties.Deployment)?.[1] : undefined
  return time === undefined ? undefined : Number(time)
}

/** The bucket of the properties, where they name one; a removal must not fail over properties that a creation refused. */
export function bucketOf({ ResourceProperties }: ProvisionRequest): { name: string; region: string } | undefined {
  const { BucketName, BucketRegion } = ResourceProperties
  if (typeof BucketName !== 'string' || typeof BucketRegion !== 'string') return undefined
  return { name: BucketName, region: BucketRegion }
}
