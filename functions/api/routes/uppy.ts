import { Hono } from 'hono'
import type { ObjectKey } from '../../../shared/assets/object-key.ts'
import { AssetError, EdgeSignerError } from '../../../shared/errors.ts'
import { completeUpload } from '../../../shared/uploads/complete.ts'
import type { ApiEnv } from '../actor.ts'
import { documented } from '../describe.ts'
import { input } from '../input.ts'
import { uploadParam } from '../schemas.ts'
import { type ApiServices, publishOptions } from '../services.ts'
import { beginCodes, beginUpload, type UploadWish } from '../ticket.ts'
import * as schemas from '../uppy-schemas.ts'
import { abortUpload, completeCodes, listParts, multipartOf, openUpload, partUrlCodes, signParts } from './uploads.ts'

/** What `beginUpload` refuses of a client that chose the way. */
const wayCodes = [...beginCodes, 'ERR_NOT_IMPLEMENTED'] as const

const anyType = 'application/octet-stream'

/**
 * `/api/s3`: what `@uppy/aws-s3` calls when its endpoint is `/api` (https://uppy.io/docs/aws-s3/). Its `uploadId` is opaque
 * to it, so it holds our token: every later call proves whose upload it is. Uppy does not say how long a file is; what counts
 * then is the limit of an upload and the quota.
 *
 * A key may come as `metadata.key`, `metadata.visibility` may be `public`; else the service chooses a key from the name.
 */
export function uppyRoutes(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()

  app.get(
    '/params',
    documented('GET', {
      tag: 'Uppy',
      summary: 'A POST policy for one file up to 100 MiB',
      description:
        'The file goes to the incoming area; the bucket’s event publishes it at `key`, or `POST /api/uploads/{uploadId}/confirm` does at once.',
      answer: { description: 'The form to send the file with', schema: schemas.params },
      codes: wayCodes,
    }),
    input('query', schemas.paramsQuery),
    async (context) => {
      const { actor, now } = context.var
      const { filename, type, ...query } = context.req.valid('query')
      const metadata = { key: query['metadata[key]'], visibility: query['metadata[visibility]'] }
      const wish = wishOf(filename, type, metadata)
      const { upload, uploadId, request } = await beginUpload(wish, 'form', actor, now, services)
      if (request === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
      const { url, fields: form = {}, expiresAt } = request
      return context.json({ method: 'POST', url, fields: form, expires: expiresAt - now, uploadId, key: upload.key })
    },
  )

  app.post(
    '/multipart',
    documented('POST', {
      tag: 'Uppy',
      summary: 'Begin a multipart upload',
      answer: { description: 'The upload', schema: schemas.created },
      codes: wayCodes,
    }),
    input('json', schemas.createInput),
    async (context) => {
      const { actor, now } = context.var
      const { filename, type, metadata } = context.req.valid('json')
      const begun = await beginUpload(wishOf(filename, type, metadata ?? {}), 'multipart', actor, now, services)
      return context.json({ key: begun.upload.key, uploadId: begun.uploadId, bucket })
    },
  )

  app.get(
    '/multipart/:uploadId/batch',
    documented('GET', {
      tag: 'Uppy',
      summary: 'URLs for several parts',
      answer: { description: 'One URL for each part', schema: schemas.partUrls },
      codes: partUrlCodes,
    }),
    input('param', uploadParam),
    input('query', schemas.batchQuery),
    async (context) => {
      const { actor, now } = context.var
      const { key, partNumbers } = context.req.valid('query')
      const upload = await openUploadAt(context.req.valid('param').uploadId, key, actor, now)
      const numbers = partNumbers.split(',').map(Number)
      const { urls } = await signParts(upload, numbers, now, services)
      return context.json({ presignedUrls: Object.fromEntries(numbers.map((n, index) => [n, urls[index]])) })
    },
  )

  app.get(
    '/multipart/:uploadId/:partNumber',
    documented('GET', {
      tag: 'Uppy',
      summary: 'A URL for one part',
      answer: { description: 'The URL', schema: schemas.partUrl },
      codes: partUrlCodes,
    }),
    input('param', schemas.partParam),
    input('query', schemas.keyQuery),
    async (context) => {
      const { actor, now } = context.var
      const { uploadId, partNumber } = context.req.valid('param')
      const upload = await openUploadAt(uploadId, context.req.valid('query').key, actor, now)
      const { urls, expiresAt } = await signParts(upload, [Number(partNumber)], now, services)
      return context.json({ url: urls[0], expires: expiresAt - now })
    },
  )

  app.get(
    '/multipart/:uploadId',
    documented('GET', {
      tag: 'Uppy',
      summary: 'The parts that have arrived',
      answer: { description: 'All parts by number', schema: schemas.parts },
      codes: ['ERR_UPLOAD_NOT_FOUND'],
    }),
    input('param', uploadParam),
    input('query', schemas.keyQuery),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUploadAt(context.req.valid('param').uploadId, context.req.valid('query').key, actor, now)
      const parts = await listParts(upload, services)
      return context.json(parts.map((part) => ({ PartNumber: part.partNumber, ETag: part.etag, Size: part.size })))
    },
  )

  app.post(
    '/multipart/:uploadId/complete',
    documented('POST', {
      tag: 'Uppy',
      summary: 'Complete a multipart upload',
      answer: { description: 'It is published', schema: schemas.completed },
      codes: completeCodes,
    }),
    input('param', uploadParam),
    input('query', schemas.keyQuery),
    input('json', schemas.completeInput),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUploadAt(context.req.valid('param').uploadId, context.req.valid('query').key, actor, now)
      const { parts } = context.req.valid('json')
      const claimed = parts.map((part) => ({ partNumber: part.PartNumber, etag: part.ETag }))
      const { key } = await completeUpload(
        upload,
        claimed,
        now,
        multipartOf(upload, services),
        publishOptions(services),
      )
      return context.json({ location: await locationOf(key, now, services), key, bucket })
    },
  )

  app.delete(
    '/multipart/:uploadId',
    documented('DELETE', {
      tag: 'Uppy',
      summary: 'Give an upload up',
      answer: { description: 'Nothing of the upload is left', schema: schemas.aborted },
      codes: ['ERR_UPLOAD_NOT_FOUND'],
    }),
    input('param', uploadParam),
    input('query', schemas.keyQuery),
    async (context) => {
      const { actor, now } = context.var
      await abortUpload(
        await openUploadAt(context.req.valid('param').uploadId, context.req.valid('query').key, actor, now),
        services,
      )
      return context.json({})
    },
  )

  /** Uppy sends the key beside the id; they must agree. */
  async function openUploadAt(token: string, key: string, actor: ApiEnv['Variables']['actor'], now: number) {
    const upload = await openUpload(token, actor, now, services)
    if (upload.key !== key) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
    return upload
  }
  return app
}

/**
 * Where the asset can be read; empty where no URL can be made. The upload is complete all the same, and an error would have Uppy
 * report that it failed.
 */
async function locationOf(key: ObjectKey, now: number, services: ApiServices): Promise<string> {
  const { downloads, config, log } = services
  try {
    const [url] = await downloads.files([{ key }], config.downloads.ttlSeconds, now)
    return url?.url ?? ''
  } catch (error) {
    const code = error instanceof EdgeSignerError ? error.code : 'ERR_INTERNAL'
    log({ level: 'warn', message: 'a completed upload was answered without its URL', code })
    return ''
  }
}

/** Uppy shows it and sends it nowhere; the bucket's real name is nobody's business. */
const bucket = 'assets'

function wishOf(
  filename: string,
  type: string | null | undefined,
  metadata: Readonly<Record<string, unknown>>,
): UploadWish {
  const { key, visibility } = metadata
  const contentType = type === undefined || type === null || type === '' ? anyType : type
  const chosen = visibility === 'public' ? ({ visibility } as const) : {}
  return typeof key === 'string' && key !== '' ? { key, contentType, ...chosen } : { filename, contentType, ...chosen }
}
