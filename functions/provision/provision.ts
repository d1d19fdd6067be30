import { type KeyRing, requireKeyGroup, requireSecret } from '../../shared/keys/key-ring.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import type { Clock } from '../../shared/operations/retry.ts'
import type { Answer } from './answer.ts'
import { claimBucket } from './bucket-owner.ts'
import { clearBucket } from './clear-bucket.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { ensureKeys, noteKey } from './ensure-keys.ts'
import { fillStack } from './fill-stack.ts'
import { removeKeys } from './remove-keys.ts'
import { bucketOf, type ProvisionRequest, readProperties } from './request.ts'
import type { ProvisionStores } from './stores.ts'
import type { UndoList } from './undo.ts'

/** One run of the function. */
export interface ProvisionRun {
  readonly config: ProvisionFunctionConfig
  readonly stores: ProvisionStores
  /** Everything that the run makes is noted on it. */
  readonly undo: UndoList
  /** Epoch seconds. */
  readonly now: number
  readonly clock: Clock
  readonly report: (line: string) => void
}

/**
 * Creation and update alike: makes what is missing, repairs what does not fit, keeps the rest. It is idempotent, so it is
 * repeated where another run overtook it, and every deploy repairs. A changed algorithm makes a new key, which signs when every
 * edge location knows it.
 *
 * @throws ConfigError or ServiceError with what to do; ConcurrentChangeError where another run came first.
 */
export async function provision(request: ProvisionRequest, run: ProvisionRun): Promise<Answer> {
  const properties = readProperties(request)
  const ring = keyRing(run, properties.Algorithm)
  const wanted = {
    owner: request.StackId,
    sessionSecret: properties.SessionSecret === 'shared',
    isNewStack: request.RequestType === 'Create',
  }
  await ensureKeys(ring, wanted, run.undo)
  await maintainKeys(ring, { evenDuringRotation: true, note: noteKey(ring, run.undo) })
  const bucket = run.stores.bucket({ name: properties.BucketName, region: properties.BucketRegion })
  await claimBucket(bucket, run.config.bucketOwner)
  const keyValues = run.stores.keyValues(properties.KeyValueStoreArn)
  await fillStack(ring, { ...bucket, home: bucket.name, keyValues, clock: run.clock }, run.config.pages)
  return { Status: 'SUCCESS', Data: await readAttributes(ring) }
}

/**
 * The end of a rollback that met a fault. The fault was reported by the update that is rolled back; another failure would leave
 * the stack in `UPDATE_ROLLBACK_FAILED`, where it takes no deploy. So it ends with the keys as they are.
 *
 * @param fault of the rollback, for the operator.
 * @throws ServiceError `ERR_KEYS_…` where the stage has no keys at all: no answer could be true.
 */
export async function settleRollback(run: ProvisionRun, fault: string): Promise<Answer> {
  const Data = await readAttributes(keyRing(run, 'ES256'))
  const Reason = `rolled back to the keys as they are; still to be repaired: ${fault}`
  run.report(Reason)
  return { Status: 'SUCCESS', Reason, Data }
}

async function readAttributes(ring: KeyRing): Promise<{ KeyGroupId: string; SecretArn: string }> {
  const [group, { arn }] = await Promise.all([requireKeyGroup(ring), requireSecret(ring)])
  return { KeyGroupId: group.id, SecretArn: arn }
}

/**
 * Removal: the keys, then what is ours in the bucket. The KeyValueStore and our own bucket belong to the stack. What cannot be
 * removed is reported, and holds nothing up.
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

function keyRing({ config, stores, now, clock, report }: ProvisionRun, algorithm: KeyRing['algorithm']): KeyRing {
  const { secret, trusted } = stores
  return { name: config.name, secret, trusted, algorithm, times: keyTimes, now, clock, report }
}
