import { CopyObjectCommand } from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import { mostCopyBytes } from '../limits.ts'
import type { CopyRequest } from './copy-request.ts'
import { headObject } from './describe.ts'
import { withFaults } from './faults.ts'
import { copySource, type S3Location } from './location.ts'
import { copyInParts } from './multipart-copy.ts'

/**
 * Copies one object as it was when its `source` was read; a source that has changed since is not copied.
 *
 * Without `overwrite` S3 itself refuses where something is at the target (`If-None-Match: *`), so of two copies at the
 * same time one wins. Looking first is not that guarantee; it gives the right answer on servers that ignore the header.
 *
 * @throws AssetError `ERR_ASSET_EXISTS`; `ERR_ASSET_NOT_FOUND` where the source is gone or has changed.
 */
export async function copyObject(location: S3Location, request: CopyRequest): Promise<void> {
  const { source, overwrite } = request
  if (!overwrite && (await headObject(location, request.to)) !== undefined) throw new AssetError('ERR_ASSET_EXISTS')
  const size = source.ContentLength ?? 0
  if (size > mostCopyBytes || (!overwrite && location.conditionalCopy === 'multipart')) {
    return copyInParts(location, request)
  }
  await withFaults(
    location.client
      .send(
        new CopyObjectCommand({
          Bucket: location.bucket,
          Key: request.to,
          CopySource: copySource(location, request.from),
          CopySourceIfMatch: source.ETag,
          ...(overwrite ? {} : { IfNoneMatch: '*' }),
          ...(request.replace === undefined ? {} : { MetadataDirective: 'REPLACE', ...request.replace }),
        }),
      )
      .catch(async (error: unknown) => {
        // The same 412 stands for both conditions; only the source tells which.
        if (!overwrite || !isPreconditionFailed(error)) await refuseChangedSource(location, request, error)
        else throw new AssetError('ERR_ASSET_NOT_FOUND', undefined, { cause: error })
      }),
  )
}

async function refuseChangedSource(location: S3Location, request: CopyRequest, error: unknown): Promise<never> {
  if (isPreconditionFailed(error)) {
    const now = await headObject(location, request.from)
    if (now?.ETag !== request.source.ETag) throw new AssetError('ERR_ASSET_NOT_FOUND', undefined, { cause: error })
  }
  throw error
}

function isPreconditionFailed(error: unknown): boolean {
  return error instanceof Error && error.name === 'PreconditionFailed'
}
