import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { requireKeyGroup, requireSecret } from '../../shared/keys/key-ring.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import type { Answer } from './answer.ts'
import { claimBucket } from './bucket-owner.ts'
import { clearBucket } from './clear-bucket.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { ensureKeys } from './ensure-keys.ts'
import { fillStack } from './fill-stack.ts'
import { removeKeys } from './remove-keys.ts'
import { bucketOf, type ProvisionRequest, readProperties } from './request.ts'
import type { ProvisionStores } from './stores.ts'
import type { UndoList } from './undo.ts'

/** One run of the function. */
export interface ProvisionRun {
  readonly config: ProvisionFunctionConfig
  readonly stores: ProvisionStores
  /** What the run makes is put on it. */
  readonly undo: UndoList
  /** Epoch seconds. */
  readonly now: number
  readonly report: (line: string) => void
}

/**
 * Creation and update alike: makes what is missing, mends what does not fit, keeps the rest. So it may be repeated, and every
 * deploy repairs. A changed algorithm makes a new key, which signs when every edge location knows it.
 *
 * @throws ConfigError or ServiceError with what to do.
 */
export async function provision(request: ProvisionRequest, run: ProvisionRun): Promise<Answer> {
  const properties = readProperties(request)
  const ring = keyRing(run, properties.Algorithm)
  const wanted = { owner: request.StackId, sessionSecret: properties.SessionSecret === 'shared' }
  await ensureKeys(ring, wanted, run.undo)
  await maintainKeys(ring, { evenDuringRotation: true })
  const bucket = run.stores.bucket({ name: properties.BucketName, region: properties.BucketRegion })
  await claimBucket(bucket, run.config.bucketOwner)
  await fillStack(ring, { ...bucket, keyValues: run.stores.keyValues(properties.KeyValueStoreArn) }, run.config.pages)
  const [group, { arn }] = await Promise.all([requireKeyGroup(ring), requireSecret(ring)])
  return { Status: 'SUCCESS', Data: { KeyGroupId: group.id, SecretArn: arn } }
}

/**
 * Removal: the keys, then what is ours in the bucket. The KeyValueStore and our own bucket belong to the stack. What cannot be
 * removed is told, and holds nothing up.
 */
export async function deprovision(request: ProvisionRequest, run: ProvisionRun): Promise<Answer> {
  const bucket = bucketOf(request)
  const left =
    (await removeKeys(keyRing(run, 'ES256'), request.StackId)) ||
    (bucket === undefined ? '' : await clearBucket(run.stores.bucket(bucket), run.config, run.now))
  if (left === '') return { Status: 'SUCCESS' }
  run.report(left)
  return { Status: 'SUCCESS', Reason: left }
}

function keyRing({ config, stores, now, report }: ProvisionRun, algorithm: KeyRing['algorithm']): KeyRing {
  return { name: config.name, secret: stores.secret, trusted: stores.trusted, algorithm, times: keyTimes, now, report }
}
