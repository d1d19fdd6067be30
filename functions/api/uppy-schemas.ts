import * as v from 'valibot'
import { maxParts } from '../../shared/assets/limits.ts'
import { key, uploadParam } from './schemas.ts'

/** Requests and answers of Uppy (https://uppy.io/docs/aws-s3/). Uppy sends more than this: every field of a form as metadata. */

const filename = v.pipe(v.string(), v.maxLength(1024))
const type = v.pipe(v.string(), v.maxLength(256))
const visibilityNote = '`public` for a file that everybody may read; anything else is private'
const keyNote = 'The key to publish at; without it the service chooses one'

export const paramsQuery = v.looseObject({
  filename,
  type: v.optional(type),
  'metadata[key]': v.optional(v.pipe(v.string(), v.description(keyNote))),
  'metadata[visibility]': v.optional(v.pipe(v.string(), v.description(visibilityNote))),
})
export const createInput = v.object({
  filename,
  type: v.optional(v.nullable(type)),
  metadata: v.optional(
    v.nullable(
      v.looseObject({
        key: v.optional(v.pipe(v.unknown(), v.description(keyNote))),
        visibility: v.optional(v.pipe(v.unknown(), v.description(visibilityNote))),
      }),
    ),
  ),
})
export const keyQuery = v.object({ key })
export const batchQuery = v.object({
  ...keyQuery.entries,
  partNumbers: v.pipe(
    v.string(),
    v.regex(/^\d{1,5}(,\d{1,5}){0,999}$/),
    v.description('Up to 1,000 numbers, such as 1,2,3'),
  ),
})
export const partParam = v.object({ ...uploadParam.entries, partNumber: v.pipe(v.string(), v.regex(/^\d{1,5}$/)) })
export const completeInput = v.object({
  parts: v.pipe(
    v.array(v.object({ PartNumber: v.number(), ETag: v.pipe(v.string(), v.maxLength(128)) })),
    v.maxLength(maxParts),
  ),
})

const expires = v.pipe(v.number(), v.description('Seconds from now'))
const bucket = v.pipe(v.string(), v.description('A name to show; not the bucket’s own'))

export const params = v.object({
  method: v.literal('POST'),
  url: v.string(),
  fields: v.pipe(v.record(v.string(), v.string()), v.description('Form fields, before the file')),
  expires,
  uploadId: v.string(),
  key: v.string(),
})
export const created = v.object({ key: v.string(), uploadId: v.string(), bucket })
export const partUrls = v.object({
  presignedUrls: v.pipe(v.record(v.string(), v.string()), v.description('URLs by part number')),
})
export const partUrl = v.object({ url: v.string(), expires })
export const parts = v.array(v.object({ PartNumber: v.number(), ETag: v.string(), Size: v.number() }))
export const completed = v.object({
  location: v.pipe(v.string(), v.description('A download URL; empty where none could be made')),
  key: v.string(),
  bucket,
})
export const aborted = v.object({})
