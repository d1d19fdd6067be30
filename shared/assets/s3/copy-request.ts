import type { CopyObjectCommandInput, HeadObjectCommandOutput } from '@aws-sdk/client-s3'

/** What the copy is made from, and whether it may replace something. */
export interface CopyRequest {
  /** Full names in the bucket. */
  readonly from: string
  readonly to: string
  readonly source: HeadObjectCommandOutput
  readonly overwrite: boolean
  /** New metadata in place of the source's. */
  readonly replace?: Pick<CopyObjectCommandInput, 'ContentType' | 'CacheControl' | 'Metadata'> | undefined
}
