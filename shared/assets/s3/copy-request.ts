import type { CopyObjectCommandInput, HeadObjectCommandOutput } from '@aws-sdk/client-s3'

/** What the copy is made from, and whether it may replace something. */
export interface CopyRequest {
  /** Full names in the bucket. */
  readonly from: string
  readonly to: string
  readonly source: HeadObjectCommandOutput
  readonly overwrite: boolean
  /** New metadata in place of the source's. */
  readonly replace?: ObjectHeaders | undefined
}

/** What an object is served with, and its user metadata. */
type ObjectHeaders = Pick<
  CopyObjectCommandInput,
  'ContentType' | 'ContentDisposition' | 'ContentEncoding' | 'ContentLanguage' | 'CacheControl' | 'Metadata'
>

/** Of an object as HeadObject gives it. */
export function objectHeadersOf(head: HeadObjectCommandOutput): ObjectHeaders {
  const { ContentType, ContentDisposition, ContentEncoding, ContentLanguage, CacheControl, Metadata } = head
  return { ContentType, ContentDisposition, ContentEncoding, ContentLanguage, CacheControl, Metadata }
}
