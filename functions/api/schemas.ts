import * as v from 'valibot'
import type { Asset, AssetSummary } from '../../shared/assets/asset-store.ts'
import { maxParts } from '../../shared/assets/limits.ts'
import { rfc3339 } from '../../shared/http/rfc3339.ts'

/**
 * Inputs and outputs of the API. The schemas check shapes and sizes. The parsers in `shared/assets` check the meaning (the grammar
 * of a key, the length of a checksum), with more specific problems.
 */

export const key = v.pipe(
  v.string(),
  v.maxLength(1024),
  v.description('Path of an asset without a leading slash, such as users/alice/photo.jpg'),
)
const seconds = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(86_400))
const overwrite = v.pipe(v.boolean(), v.description('Whether something at the key may be replaced; default false'))
const time = v.pipe(v.string(), v.description('RFC 3339, UTC'))
const headers = v.record(v.string(), v.string())

export const uploadInput = v.strictObject({
  key: v.optional(key),
  filename: v.optional(
    v.pipe(v.string(), v.maxLength(1024), v.description('In place of a key: the service chooses one that is new')),
  ),
  contentType: v.optional(
    v.pipe(
      v.string(),
      v.maxLength(256),
      v.description('As the browser says in `file.type`; absent or empty it is application/octet-stream'),
    ),
  ),
  size: v.pipe(v.number(), v.description('Bytes')),
  visibility: v.optional(v.picklist(['private', 'public'])),
  checksum: v.optional(
    v.strictObject({
      algorithm: v.picklist(['SHA256', 'CRC64NVME']),
      value: v.pipe(v.string(), v.maxLength(64), v.description('Base64 of the whole file’s checksum')),
    }),
  ),
  overwrite: v.optional(overwrite),
  expiresIn: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(60),
      v.maxValue(43_200),
      v.description(
        'Seconds, at most the stage’s `uploads.ticketSeconds`: the life of the URL of a `put`; of the whole upload in parts or by tus',
      ),
    ),
  ),
})

export const uploadParam = v.strictObject({ uploadId: v.pipe(v.string(), v.maxLength(6000)) })
export const partsInput = v.strictObject({
  partNumbers: v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(1000)),
})
export const completeInput = v.strictObject({
  parts: v.optional(
    v.pipe(
      v.array(v.strictObject({ partNumber: v.number(), etag: v.pipe(v.string(), v.maxLength(128)) })),
      v.maxLength(maxParts),
    ),
  ),
})
export const emptyInput = v.strictObject({})

const downloadFile = v.strictObject({
  key,
  filename: v.optional(v.pipe(v.string(), v.maxLength(255), v.description('Name to save the file under'))),
})
export const downloadInput = v.union([
  v.strictObject({ ...downloadFile.entries, expiresIn: v.optional(seconds) }),
  v.strictObject({
    files: v.pipe(v.array(downloadFile), v.minLength(1), v.maxLength(1000)),
    expiresIn: v.optional(seconds),
  }),
  v.strictObject({
    prefix: v.pipe(
      v.string(),
      v.maxLength(1024),
      v.endsWith('/'),
      v.description('Everything below, such as users/alice/; at most 400 bytes when its segments are percent-encoded'),
    ),
    expiresIn: v.optional(seconds),
  }),
])

export const listQuery = v.strictObject({
  prefix: v.optional(v.pipe(v.string(), v.maxLength(1024))),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(1000)),
    '100',
  ),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(2000))),
})
export const transferInput = v.strictObject({ from: key, to: key, overwrite: v.optional(overwrite) })

export const asset = v.object({
  key: v.string(),
  size: v.number(),
  contentType: v.optional(v.string()),
  etag: v.string(),
  lastModified: time,
  checksum: v.optional(v.object({ algorithm: v.string(), value: v.string() })),
})
export const assetPage = v.object({ assets: v.array(asset), cursor: v.optional(v.string()) })
export const deleted = v.object({ key: v.string(), deleted: v.literal(true) })

export const me = v.object({
  sub: v.string(),
  grants: v.array(
    v.object({
      prefix: v.pipe(v.string(), v.description('Percent-encoded as /_edge/session shows it, such as /users/alice/')),
      access: v.picklist(['read', 'read-write']),
      upload: v.optional(v.object({ maxBytes: v.optional(v.number()), contentTypes: v.optional(v.array(v.string())) })),
    }),
  ),
  scopes: v.array(v.string()),
})

const ticketBase = { uploadId: v.string(), key: v.string(), expiresAt: time }
export const ticket = v.variant('protocol', [
  v.object({ ...ticketBase, protocol: v.literal('put'), method: v.literal('PUT'), url: v.string(), headers }),
  v.object({
    ...ticketBase,
    protocol: v.literal('multipart'),
    partSize: v.pipe(v.number(), v.description('Bytes of every part but the last')),
    partCount: v.number(),
  }),
  v.object({
    ...ticketBase,
    protocol: v.literal('tus'),
    method: v.literal('POST'),
    url: v.string(),
    headers,
    metadata: v.pipe(headers, v.description('For tus clients, which write Upload-Metadata themselves')),
  }),
])
export const signedParts = v.object({
  parts: v.array(v.object({ partNumber: v.number(), url: v.string() })),
  expiresAt: time,
})
export const storedParts = v.object({
  parts: v.array(v.object({ partNumber: v.number(), etag: v.string(), size: v.number() })),
})
export const aborted = v.object({ aborted: v.literal(true) })

const downloadUrl = v.object({
  key: v.string(),
  url: v.string(),
  isPermanent: v.boolean(),
  expiresAt: v.nullable(time),
  checkedBy: v.picklist(['cdn', 's3', 'nobody']),
})
export const downloads = v.union([
  downloadUrl,
  v.object({ files: v.array(downloadUrl) }),
  v.object({ baseUrl: v.string(), querystring: v.string(), isPermanent: v.boolean(), expiresAt: v.nullable(time) }),
])

const prefix = v.pipe(
  v.string(),
  v.maxLength(400),
  v.description('A granted prefix such as /users/alice/, percent-encoded as /_edge/session shows it'),
)
export const revocationInput = v.strictObject({
  prefix,
  sub: v.optional(
    v.pipe(v.string(), v.minLength(1), v.maxLength(1024), v.description('The one subject it means; absent, everybody')),
  ),
})
export const revocation = v.object({
  id: v.string(),
  prefix: v.string(),
  sub: v.optional(v.string()),
  before: v.pipe(v.string(), v.description('RFC 3339, UTC: sessions and cookies up to this moment are refused')),
  expiresAt: time,
})
export const revocations = v.object({ revocations: v.array(revocation) })
export const revocationParam = v.strictObject({ id: v.pipe(v.string(), v.maxLength(64)) })
export const revocationDeleted = v.object({ id: v.string(), deleted: v.literal(true) })

export const problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  code: v.string(),
  fields: v.optional(v.array(v.string())),
})

/** Returns an asset as the schema `asset` describes it. */
export function assetOutput(asset: AssetSummary & Partial<Pick<Asset, 'contentType' | 'checksum'>>) {
  const { key, size, contentType, etag, lastModified, checksum } = asset
  return {
    key: key as string,
    size,
    ...(contentType === undefined ? {} : { contentType }),
    etag,
    lastModified: rfc3339(lastModified),
    ...(checksum === undefined ? {} : { checksum: { algorithm: checksum.algorithm as string, value: checksum.value } }),
  }
}
