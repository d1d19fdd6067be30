import { ConfigError } from '../../shared/errors.ts'
import {
  findOwnKeyGroup,
  type KeyRing,
  readCurrent,
  readNamedKeyIds,
  readPublishedKeys,
  requireKeyGroup,
  requireSecret,
} from '../../shared/keys/key-ring.ts'
import { released, type SecretDescription } from '../../shared/keys/key-secret.ts'
import { keyTimes } from '../../shared/keys/key-times.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import type { KeyGroup } from '../../shared/keys/trusted-keys.ts'
import { failureReason } from '../../shared/operations/failure-reason.ts'
import { type Clock, ConcurrentChangeError } from '../../shared/operations/retry.ts'
import { syncRevocations } from '../../shared/revocation/revoke.ts'
import { parseRevocationState, pruneRevocations } from '../../shared/revocation/state.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'
import type { Page, ProvisionFunctionConfig } from './config.ts'
import { ensureKeys, noteKey } from './ensure-keys.ts'
import { bucketOf, type ProvisionRequest, readProperties } from './request.ts'
import { claimBucket, ownerName, type Pages, type ProvisionStores, type StageBucket } from './stores.ts'
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

/** Attributes for `Fn::GetAtt`. `PublicKeyIds` are those of the moment: a rotation changes them without a deploy. */
async function readAttributes(ring: KeyRing): Promise<{ KeyGroupId: string; PublicKeyIds: string; SecretArn: string }> {
  const [{ id, keyPairIds }, { arn }] = await Promise.all([requireKeyGroup(ring), requireSecret(ring)])
  return { KeyGroupId: id, PublicKeyIds: keyPairIds.join(' '), SecretArn: arn }
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

/** Parts of the stack that are filled after it was made. */
interface StackStores extends RevocationStores {
  readonly pages: Pages
}

/**
 * Fills the stack: the revocation state where there is none (the session function mints nothing while it cannot read one), the
 * stamp key and every revocation in force into the KeyValueStore, the pages into the bucket. A KeyValueStore that was replaced is
 * filled from the state; in a bucket that was replaced, or lost its state, the state is filled from the KeyValueStore.
 *
 * @throws ServiceError `ERR_STATE_UNAVAILABLE` where the state object is damaged.
 */
async function fillStack(ring: KeyRing, stack: StackStores, pages: readonly Page[]): Promise<void> {
  const { document } = await readCurrent(ring)
  const work = { now: ring.now, stampKey: document.stampKey, claim: true, report: ring.report }
  const { revocations } = await syncRevocations(stack, work)
  ring.report(`KeyValueStore: stamp key and ${revocations.length} revocations`)

  for (const page of pages) {
    await stack.pages.write(page)
    ring.report(`page ${page.key}: written`)
  }
}

/**
 * Takes out of the bucket what `fillStack` put in: the pages, and a revocation state that revokes nothing. One that does stays,
 * because the secret, and with it cookies, can be brought back. A bucket of another stage is left alone.
 *
 * Nothing here fails a removal: the bucket may be gone, or the name in the properties may never have been a bucket.
 *
 * @param now epoch seconds.
 * @returns what was left, in words for the operator; empty where nothing was.
 */
async function clearBucket(
  bucket: StageBucket,
  { pages, bucketOwner }: ProvisionFunctionConfig,
  now: number,
): Promise<string> {
  try {
    const owner = await bucket.owner.load()
    // Nobody's: a creation that failed had put nothing into it yet.
    if (owner === undefined) return ''
    if (owner.json !== bucketOwner)
      return `bucket ${bucket.name} belongs to ${ownerName(owner.json)}: it was left as it is`
    await Promise.all(pages.map(({ key }) => bucket.pages.remove(key)))
    const state = await bucket.state.load()
    if (state !== undefined && revokesNothing(state.json, now)) await bucket.state.remove(state.version)
    // Last: what is cut off before can be done again.
    await bucket.owner.remove(owner.version)
    return ''
  } catch (error) {
    return `bucket ${bucket.name}: what is ours in it was left (${failureReason(error)})`
  }
}

/** A damaged state may hold a revocation. */
function revokesNothing(json: string, now: number): boolean {
  try {
    return pruneRevocations(parseRevocationState(json), now).revocations.length === 0
  } catch {
    return false
  }
}

/**
 * Removes what `ensureKeys` made for this owner, and nothing else. A key group that a distribution still trusts stays, with its
 * public keys; the secret can be restored for seven days.
 *
 * Keys that are not in the group go first: they were withdrawn, or left by a run that was cut off. The secret goes last, so that
 * a removal that is cut off can be run again.
 *
 * @returns a text for the operator that names the things that were left; empty where everything went.
 */
async function removeKeys(ring: KeyRing, owner: string): Promise<string> {
  const description = await ring.secret.describe()
  if (isForeign(description, owner)) return `secret ${ring.secret.id} is not this stack's: its keys were left`
  const left = await removePublicHalf(ring)
  if (description !== undefined && !description.markedForDeletion) await ring.secret.remove({ id: owner, at: ring.now })
  ring.report(`secret ${ring.secret.id}: can be restored for seven days`)
  return left.join('; ')
}

async function removePublicHalf(ring: KeyRing): Promise<readonly string[]> {
  const group = await findOwnKeyGroup(ring).catch(ignoreForeignGroup)
  const ids = await readOwnKeyIds(ring)
  const trusted = new Set(group?.keyPairIds)
  const stuck = await unpublish(
    ring,
    ids.filter((id) => !trusted.has(id)),
  )
  // A key in a group that was not found: the list may lag behind.
  if (group === undefined && stuck.length > 0 && (await isListedLater(ring))) return removePublicHalf(ring)
  const left = group === undefined ? [] : await removeGroup(ring, group)
  const kept = await unpublish(
    ring,
    ids.filter((id) => trusted.has(id)),
  )
  return [...left, ...[...stuck, ...kept].map((id) => `public key ${id} is in a key group`)]
}

async function isListedLater(ring: KeyRing): Promise<boolean> {
  return requireKeyGroup(ring).then(
    () => true,
    () => false,
  )
}

/** A secret that was released and is not marked for deletion was left by a removal, or by a creation that was cut off. */
function isForeign(description: SecretDescription | undefined, owner: string): boolean {
  if (description === undefined || description.markedForDeletion) return false
  return description.owner !== owner && description.owner !== released
}

/** By the documents, too: the list does not show a key that was made a moment ago. A damaged document is no obstacle. */
async function readOwnKeyIds(ring: KeyRing): Promise<readonly string[]> {
  const named = await readNamedKeyIds(ring).catch(() => [])
  const published = await readPublishedKeys(ring, named)
  return published.filter(({ comment }) => comment === ring.secret.id).map(({ id }) => id)
}

async function removeGroup(ring: KeyRing, group: KeyGroup): Promise<readonly string[]> {
  const outcome = await ring.trusted.deleteKeyGroup(group)
  if (outcome === 'deleted') return []
  if (outcome === 'changed-meanwhile') {
    throw new ConcurrentChangeError('ERR_KEYS_ROTATION', `key group ${group.id} was changed at the same moment`)
  }
  return [`key group ${group.id} is still trusted by a distribution: take it out there, then delete it and its keys`]
}

/** @returns the ids of the keys that are in use. */
async function unpublish(ring: KeyRing, ids: readonly string[]): Promise<readonly string[]> {
  const stuck: string[] = []
  for (const id of ids) if ((await ring.trusted.deletePublicKey(id)) === 'in-use') stuck.push(id)
  return stuck
}

/** The group of another service is no obstacle to removing what is ours. */
function ignoreForeignGroup(error: unknown): undefined {
  if (!(error instanceof ConfigError)) throw error
}

/** The answer to CloudFormation. */
export type Answer =
  | { readonly Status: 'SUCCESS'; readonly Reason?: string; readonly Data?: Readonly<Record<string, string>> }
  | { readonly Status: 'FAILED'; readonly Reason: string }

const tries = 4
const tryMs = 4000
/** CloudFormation takes 4,096 bytes in all. */
const maxReason = 1000

/**
 * Answers CloudFormation, which otherwise waits until its time-out. A network fault is tried again.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
 */
export async function sendAnswer(
  { ResponseURL, StackId, RequestId, LogicalResourceId }: ProvisionRequest,
  physicalResourceId: string,
  answer: Answer,
  send: typeof fetch,
): Promise<void> {
  const body = JSON.stringify({
    StackId,
    RequestId,
    LogicalResourceId,
    PhysicalResourceId: physicalResourceId,
    ...answer,
    Reason: answer.Reason?.slice(0, maxReason),
  })
  for (let tried = 1; ; tried++) {
    try {
      // The URL is signed for an empty content type.
      const headers = { 'content-type': '' }
      const response = await send(ResponseURL, { method: 'PUT', headers, body, signal: AbortSignal.timeout(tryMs) })
      if (response.ok) return
      throw new Error(`CloudFormation's address answered ${response.status}`)
    } catch (error) {
      if (tried === tries) throw error
    }
  }
}
