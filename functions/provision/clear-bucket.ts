import { failureReason } from '../../shared/operations/failure-reason.ts'
import { parseRevocationState, pruneRevocations } from '../../shared/revocation/state.ts'
import { ownerName } from './bucket-owner.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import type { StageBucket } from './stores.ts'

/**
 * Takes out of the bucket what `fillStack` put in: the pages, and a revocation state that revokes nothing. One that does stays,
 * because the secret, and with it cookies, can be brought back. A bucket of another stage is left alone.
 *
 * Nothing here fails a removal: the bucket may be gone, or the name in the properties may never have been a bucket.
 *
 * @param now epoch seconds.
 * @returns what was left, in words for the operator; empty where nothing was.
 */
export async function clearBucket(
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
