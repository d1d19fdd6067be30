import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import { AssetError } from '../../errors.ts'
import type { AssetPage, AssetSummary } from '../asset-store.ts'
import { type KeyPrefix, type ObjectKey, parseObjectKey } from '../object-key.ts'
import { withFaults } from './faults.ts'
import { incomingId, incomingName, objectName, type S3Location } from './location.ts'

/**
 * One page of the assets below a prefix. The cursor is the last name of the page before, so it never expires, and it is
 * checked to lie below the prefix.
 *
 * @throws AssetError `ERR_CURSOR`.
 */
export async function listAssets(
  location: S3Location,
  prefix: KeyPrefix,
  limit: number,
  cursor?: string,
): Promise<AssetPage> {
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const name = objectName(location, prefix)
  if (after !== undefined && !after.startsWith(name)) throw new AssetError('ERR_CURSOR')
  const page = await listPage(location, name, limit, after)
  const names = namesOf(page)
  const last = names.at(-1)
  return {
    assets: names.flatMap((found, index) => summaryOf(location, found, page.Contents?.[index])),
    cursor: page.IsTruncated && last !== undefined ? Buffer.from(last).toString('base64url') : undefined,
  }
}

/** The bytes of every object below a prefix, a thousand objects a request. */
export async function usageBelow(location: S3Location, prefix: KeyPrefix): Promise<number> {
  let bytes = 0
  let after: string | undefined
  do {
    const page = await listPage(location, objectName(location, prefix), 1000, after)
    for (const object of page.Contents ?? []) bytes += object.Size ?? 0
    after = page.IsTruncated ? namesOf(page).at(-1) : undefined
  } while (after !== undefined)
  return bytes
}

/** An upload whose bytes lie in the incoming area. */
export interface ArrivedUpload {
  readonly id: string
  /** Epoch seconds. */
  readonly arrivedAt: number
}

/** One page of the incoming area, in the order of the ids' bytes. */
export interface ArrivedPage {
  readonly uploads: readonly ArrivedUpload[]
  /** Last key of the page; `undefined` on the last page. */
  readonly next: string | undefined
}

/**
 * One page of what has arrived and is not published.
 *
 * @param after an id, or the `next` of the page before.
 * @param limit objects looked at, 1 to 1,000.
 */
export async function listIncoming(location: S3Location, after?: string, limit = 1000): Promise<ArrivedPage> {
  const folder = incomingName(location, '')
  const page = await listPage(location, folder, limit, after === undefined ? undefined : folder + after)
  const names = namesOf(page)
  return {
    uploads: names.flatMap((name, index) => {
      const id = incomingId(location, name)
      return id === undefined ? [] : [{ id, arrivedAt: modifiedAt(page.Contents?.[index]) }]
    }),
    next: page.IsTruncated ? names.at(-1)?.slice(folder.length) : undefined,
  }
}

function listPage(
  location: S3Location,
  name: string,
  limit: number,
  after?: string,
): Promise<ListObjectsV2CommandOutput> {
  return withFaults(
    location.client.send(
      new ListObjectsV2Command({
        Bucket: location.bucket,
        Prefix: name,
        MaxKeys: limit,
        // XML cannot hold every character that a key can; unencoded, one such object would break the list for ever.
        EncodingType: 'url',
        ...(after === undefined ? {} : { StartAfter: after }),
      }),
    ),
  )
}

function namesOf(page: ListObjectsV2CommandOutput): string[] {
  const names = (page.Contents ?? []).map((object) => object.Key ?? '')
  return page.EncodingType === 'url' ? names.map((name) => decodeURIComponent(name.replaceAll('+', ' '))) : names
}

type S3Object = NonNullable<ListObjectsV2CommandOutput['Contents']>[number]

/** Objects that no valid key can name (folder markers, names with `//`) are left out. */
function summaryOf(location: S3Location, name: string, object: S3Object | undefined): AssetSummary[] {
  let key: ObjectKey
  try {
    key = parseObjectKey(name.slice(location.keyPrefix.length))
  } catch {
    return []
  }
  return [{ key, size: object?.Size ?? 0, etag: object?.ETag ?? '', lastModified: modifiedAt(object) }]
}

/** Epoch seconds. */
function modifiedAt(object: S3Object | undefined): number {
  return Math.floor((object?.LastModified?.getTime() ?? 0) / 1000)
}

function readCursor(cursor: string): string {
  const name = Buffer.from(cursor, 'base64url').toString('utf8')
  if (name === '' || Buffer.from(name).toString('base64url') !== cursor) throw new AssetError('ERR_CURSOR')
  return name
}
