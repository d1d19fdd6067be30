import { DeleteObjectCommand, type HeadObjectCommandOutput, PutObjectCommand } from '@aws-sdk/client-s3'
import { AssetError, ServiceError } from '../../errors.ts'
import { headObject, uploadIdMetadata } from './describe.ts'
import { unless, withFaults } from './faults.ts'
import { endedName, incomingName, isUploadId, type S3Location } from './location.ts'

/**
 * The end of an upload is an empty object, `_state/ended/<id>`. It is written before the bytes are dropped, so that a crash in
 * between leaves bytes that are known to be of no use. It outlives the ticket: a form, or a request that is sent again after its
 * answer was lost, may bring the same bytes once more.
 */

/** Ends an upload. Idempotent. */
export async function endUpload(location: S3Location, id: string): Promise<void> {
  const { client, bucket } = location
  await withFaults(client.send(new PutObjectCommand({ Bucket: bucket, Key: endedName(id), Body: new Uint8Array() })))
  await withFaults(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: incomingName(location, id) })))
}

/** Returns whether an upload has ended. */
export async function hasEnded(location: S3Location, id: string): Promise<boolean> {
  return (await headObject(location, endedName(id))) !== undefined
}

/** Ends the upload that published an object, before the object is removed or replaced. */
export async function endUploadOf(location: S3Location, head: HeadObjectCommandOutput | undefined): Promise<void> {
  const id = head?.Metadata?.[uploadIdMetadata]
  if (id !== undefined && isUploadId(id)) await endUpload(location, id)
}

/** How a write refuses to meet another object at its key than the one that was seen there. */
export type WriteCondition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string | undefined }

/** Tries of a write that replaces what others keep replacing. */
const maxTries = 5

/**
 * Writes at a key. Without `overwrite` S3 refuses where something is there. With it, the upload that published what is there is
 * ended first, and S3 refuses where something else has come there meanwhile: that one's upload has to be ended as well.
 *
 * @param write throws AssetError `ERR_ASSET_EXISTS` where the condition does not hold.
 */
export async function writeAt<T>(
  location: S3Location,
  name: string,
  overwrite: boolean,
  write: (condition: WriteCondition) => Promise<T>,
): Promise<T> {
  if (!overwrite) return write({ IfNoneMatch: '*' })
  for (let tried = 1; ; tried++) {
    const there = await headObject(location, name)
    await endUploadOf(location, there)
    const written = await unless(
      'ERR_ASSET_EXISTS',
      write(there === undefined ? { IfNoneMatch: '*' } : { IfMatch: there.ETag }).then((value) => ({ value })),
    )
    if (written !== undefined) return written.value
    if (tried === maxTries) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'the key is written to all the time')
  }
}

/** Deletes what is at a key. Returns whether there was something. */
export async function deleteAt(location: S3Location, name: string): Promise<boolean> {
  for (let tried = 1; ; tried++) {
    const there = await headObject(location, name)
    if (there === undefined) return tried > 1
    if ((await deleteUnchanged(location, name, there)) !== 'changed') return true
    if (tried === maxTries) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'the key is written to all the time')
  }
}

/**
 * Deletes an object in the state that was seen, after the upload that published it was ended. S3 itself compares, in the step that
 * deletes. Looking first is not that guarantee; it is what is left on servers that ignore the header.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
 */
export async function deleteUnchanged(
  location: S3Location,
  name: string,
  seen: HeadObjectCommandOutput,
): Promise<'deleted' | 'gone' | 'changed'> {
  await endUploadOf(location, seen)
  const now = await headObject(location, name)
  if (now === undefined) return 'gone'
  if (now.ETag !== seen.ETag) return 'changed'
  const command = new DeleteObjectCommand({ Bucket: location.bucket, Key: name, IfMatch: seen.ETag })
  try {
    await withFaults(location.client.send(command))
    return 'deleted'
  } catch (error) {
    const code = error instanceof AssetError ? error.code : undefined
    if (code === 'ERR_ASSET_NOT_FOUND') return 'gone'
    if (code === 'ERR_ASSET_EXISTS') return 'changed'
    throw error
  }
}
