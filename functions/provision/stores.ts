import type { S3Object } from '../../shared/aws/sdk/s3-object.ts'
import { ConfigError } from '../../shared/errors.ts'
import type { KeySecret } from '../../shared/keys/key-secret.ts'
import type { TrustedKeys } from '../../shared/keys/trusted-keys.ts'
import type { KeyValues } from '../../shared/revocation/stores.ts'
import type { Page } from './config.ts'

/** Dependencies of the function, as interfaces. */
export interface ProvisionStores {
  readonly secret: KeySecret
  readonly trusted: TrustedKeys
  /** @param arn of the KeyValueStore. */
  readonly keyValues: (arn: string) => KeyValues
  readonly bucket: (bucket: { name: string; region: string }) => StageBucket
}

/** Objects of Edge Signer in the bucket. */
export interface StageBucket {
  readonly name: string
  readonly pages: Pages
  readonly state: S3Object
  /** Names the stage whose bucket it is. */
  readonly owner: S3Object
}

/** Store of the pages. */
export interface Pages {
  write(page: Page): Promise<void>
  remove(key: string): Promise<void>
}

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
