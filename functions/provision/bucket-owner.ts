import { ConfigError } from '../../shared/errors.ts'
import type { StageBucket } from './stores.ts'

/** The object that names the stage whose bucket this is; no behaviour serves it. */
export const bucketOwnerKey = '_state/owner'

/**
 * Marks the bucket as this stage's. Two stages in one bucket would share a revocation state, and each would remove the other's
 * pages.
 *
 * @param stage `<service>/<stage>`.
 * @throws ConfigError naming the stage that has the bucket.
 */
export async function claimBucket({ name, owner }: StageBucket, stage: string): Promise<void> {
  if ((await owner.save(stage, undefined)) === 'saved') return
  const other = (await owner.load())?.json
  if (other === stage) return
  throw new ConfigError(
    `bucket ${name} belongs to ${ownerName(other)}: use another bucket; where that stage is no more, delete ${bucketOwnerKey} in it`,
  )
}

/** Describes the owner of the bucket. The text comes from a bucket that may belong to anybody. */
export function ownerName(text: string | undefined): string {
  return /^[a-z0-9-]{1,30}\/[a-z0-9-]{1,20}$/.test(text ?? '') ? `stage ${text}` : 'another stage'
}
