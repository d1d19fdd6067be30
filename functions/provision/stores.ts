import type { KeySecret } from '../../shared/keys/key-secret.ts'
import type { TrustedKeys } from '../../shared/keys/trusted-keys.ts'
import type { S3Object } from '../../shared/revocation/aws/s3-object.ts'
import type { KeyValues } from '../../shared/revocation/stores.ts'
import type { Page } from './config.ts'

/** What the function works on, behind interfaces. */
export interface ProvisionStores {
  readonly secret: KeySecret
  readonly trusted: TrustedKeys
  /** @param arn of the KeyValueStore. */
  readonly keyValues: (arn: string) => KeyValues
  readonly bucket: (bucket: { name: string; region: string }) => StageBucket
}

/** What is ours in the bucket. */
export interface StageBucket {
  readonly name: string
  readonly pages: Pages
  readonly state: S3Object
  /** Names the stage whose bucket it is. */
  readonly owner: S3Object
}

/** Where the pages lie. */
export interface Pages {
  write(page: Page): Promise<void>
  remove(key: string): Promise<void>
}
