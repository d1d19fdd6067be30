import { Hono } from 'hono'
import type { ObjectKey } from '../../../shared/assets/object-key.ts'
import { AssetError, EdgeSignerError } from '../../../shared/errors.ts'
import type { UploadDeclaration } from '../../../shared/uploads/declaration.ts'
import { completeCodes, completeUpload, listParts, partUrlCodes, signParts } from '../../../shared/uploads/multipart.ts'
import { abortUpload, issueTicket, openUpload, ticketCodes } from '../../../shared/uploads/ticket.ts'
import type { ApiEnv } from '../actor.ts'
import { documented, input } from '../openapi.ts'
import { uploadParam } from '../schemas.ts'
import type { ApiServices } from '../services.ts'
import * as schemas from '../uppy-schemas.ts'

/** Codes of `issueTicket` for a client that chose the protocol. */
const wantedCodes = [...ticketCodes, 'ERR_NOT_IMPLEMENTED'] as const

/**
 * `/api/s3`: the routes that `@uppy/aws-s3` calls with the endpoint `/api` (https://uppy.io/docs/aws-s3/). `uploadId` is opaque to
 * Uppy, so it is the token of the upload, which every later call presents. Uppy does not send the size of a file: the limit of
 * an upload and the quota apply.
 *
 * `metadata.key` may name a key, and `metadata.visibility` may be `public`. Without a key, the service chooses one from the file
 * name.
 */
export function uppyRoutes(services: ApiServices): Hono<ApiEnv> {
  const { uploads } = services
  const app = new Hono<ApiEnv>()

  app.get(
    '/params',
    documented('GET', {
      tag: 'Uppy',
      summary: 'A POST policy for one file up to 100 MiB',
      description:
        'The file goes to the incoming area; the bucket’s event publishes it at `key`, or `POST /api/uploads/{uploadId}/confirm` does at once.',
      answer: { description: 'The form to send the file with', schema: schemas.params },
      codes: wantedCodes,
    }),
    input('query', schemas.paramsQuery),
    async (context) => {
      const { actor, now } = context.var
      const { filename, type, ...query } = context.req.valid('query')
      const metadata = { key: query['metadata[key]'], visibility: query['metadata[visibility]'] }
      const declaration = declarationOf(filename, type, metadata)
      const { upload, token, request } = await issueTicket(declaration, 'form', actor, now, uploads)
      if (request === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
      const { url, fields: form = {}, expiresAt } = request
      return context.json({
        method: 'POST',
        url,
        fields: form,
        expires: expiresAt - now,
        uploadId: token,
        key: upload.key,
      })
    },
  )

  app.post(
    '/multipart',
    documented('POST', {
      tag: 'Uppy',
      summary: 'Begin a multipart upload',
      answer: { description: 'The upload', schema: schemas.created },
      codes: wantedCodes,
    }),
    input('json', schemas.createInput),
    async (context) => {
      const { actor, now } = context.var
      const { filename, type, metadata } = context.req.valid('json')
      const declaration = declarationOf(filename, type, metadata ?? {})
      const { upload, token } = await issueTicket(declaration, 'multipart', actor, now, uploads)
      return context.json({ key: upload.key, uploadId: token, bucket })
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
      const { urls } = await signParts(upload, numbers, now, uploads)
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
      const { urls, expiresAt } = await signParts(upload, [Number(partNumber)], now, uploads)
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
      const parts = await listParts(upload, uploads)
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
      const { key } = await completeUpload(upload, claimed, now, uploads)
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
        uploads,
      )
      return context.json({})
    },
  )

  /** Uppy sends the key with the id; they must agree. */
  async function openUploadAt(token: string, key: string, actor: ApiEnv['Variables']['actor'], now: number) {
    const upload = await openUpload(token, actor, now, uploads)
    if (upload.key !== key) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
    return upload
  }
  return app
}

/**
 * Returns the URL of the asset, or an empty text if no URL can be made. The upload is complete nevertheless, and on an error
 * Uppy would report that it failed.
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

/** Shown by Uppy and sent nowhere. The name of the real bucket stays private. */
const bucket = 'assets'

function declarationOf(
  filename: string,
  type: string | null | undefined,
  metadata: Readonly<Record<string, unknown>>,
): UploadDeclaration {
  const { key, visibility } = metadata
  return {
    ...(typeof key === 'string' && key !== '' ? { key } : { filename }),
    contentType: type,
    ...(visibility === 'public' ? { visibility } : {}),
  }
}
