import type { S3Object } from '../../shared/aws/sdk/s3-object.ts'
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
