import { Hono } from 'hono'
import { partCount, partSizeFor } from '../../../shared/assets/limits.ts'
import { AssetError } from '../../../shared/errors.ts'
import { rfc3339 } from '../../../shared/http/rfc3339.ts'
import { completeCodes, completeUpload, listParts, partUrlCodes, signParts } from '../../../shared/uploads/multipart.ts'
import { confirmUpload } from '../../../shared/uploads/publish.ts'
import { abortUpload, issueTicket, openUpload, ticketCodes, type UploadTicket } from '../../../shared/uploads/ticket.ts'
import type { ApiEnv } from '../actor.ts'
import { documented, input } from '../openapi.ts'
import * as schemas from '../schemas.ts'
import type { ApiServices } from '../services.ts'

/** `/api/uploads`: a ticket, then the bytes straight to the store, then confirm or complete. */
export function uploadRoutes({ uploads }: Pick<ApiServices, 'uploads'>): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()

  app.post(
    '/',
    documented('POST', {
      tag: 'Uploads',
      summary: 'Ask for an upload ticket',
      description:
        'Up to 100 MiB the ticket is one request (`put`, or `tus` on a single server): send the bytes with exactly its headers, then confirm. Above it is `multipart`: ask for part URLs, send the parts, then complete.',
      answer: { status: 201, description: 'The ticket', schema: schemas.ticket },
      codes: [...ticketCodes, 'ERR_SIZE', 'ERR_CHECKSUM', 'ERR_TOO_LARGE', 'ERR_QUOTA'],
    }),
    input('json', schemas.uploadInput),
    async (context) => {
      const { actor, now } = context.var
      const ticket = await issueTicket(context.req.valid('json'), undefined, actor, now, uploads)
      return context.json(ticketOutput(ticket), 201)
    },
  )

  app.post(
    '/:uploadId/parts',
    documented('POST', {
      tag: 'Uploads',
      summary: 'URLs for parts, up to 1,000 at a time',
      answer: { description: 'One URL for each part', schema: schemas.signedParts },
      codes: partUrlCodes,
    }),
    input('param', schemas.uploadParam),
    input('json', schemas.partsInput),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, uploads)
      const { partNumbers } = context.req.valid('json')
      const { urls, expiresAt } = await signParts(upload, partNumbers, now, uploads)
      const parts = partNumbers.map((partNumber, index) => ({ partNumber, url: urls[index] ?? '' }))
      return context.json({ parts, expiresAt: rfc3339(expiresAt) })
    },
  )

  app.get(
    '/:uploadId/parts',
    documented('GET', {
      tag: 'Uploads',
      summary: 'The parts that have arrived',
      answer: { description: 'All parts by number', schema: schemas.storedParts },
      codes: ['ERR_UPLOAD_NOT_FOUND'],
    }),
    input('param', schemas.uploadParam),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, uploads)
      const parts = await listParts(upload, uploads)
      return context.json({ parts: parts.map(({ partNumber, etag, size }) => ({ partNumber, etag, size })) })
    },
  )

  app.post(
    '/:uploadId/complete',
    documented('POST', {
      tag: 'Uploads',
      summary: 'Complete a multipart upload',
      description:
        'The parts in any order; without `parts`, those that have arrived. Completing twice is the same as once.',
      answer: { description: 'The published asset', schema: schemas.asset },
      codes: completeCodes,
    }),
    input('param', schemas.uploadParam),
    input('json', schemas.completeInput),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, uploads)
      const { parts } = context.req.valid('json')
      const asset = await completeUpload(upload, parts, now, uploads)
      return context.json(schemas.assetOutput(asset))
    },
  )

  app.post(
    '/:uploadId/confirm',
    documented('POST', {
      tag: 'Uploads',
      summary: 'Publish a one-request upload',
      description: 'What the store’s own event does too, whichever comes first. Confirming twice is the same as once.',
      answer: { description: 'The published asset', schema: schemas.asset },
      codes: [
        'ERR_UPLOAD_NOT_FOUND',
        'ERR_UPLOAD_EXPIRED',
        'ERR_UPLOAD_REVOKED',
        'ERR_UPLOAD_USED',
        'ERR_UPLOAD_INCOMPLETE',
        'ERR_UPLOAD_MISMATCH',
        'ERR_ASSET_EXISTS',
        'ERR_QUOTA',
      ],
    }),
    input('param', schemas.uploadParam),
    input('json', schemas.emptyInput),
    async (context) => {
      const { actor, now } = context.var
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, uploads)
      if (upload.protocol === 'multipart') throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      return context.json(schemas.assetOutput(await confirmUpload(upload, now, uploads)))
    },
  )

  app.delete(
    '/:uploadId',
    documented('DELETE', {
      tag: 'Uploads',
      summary: 'Give an upload up',
      description: 'Drops what has arrived. An asset that was published stays. Succeeds again.',
      answer: { description: 'Nothing of the upload is left', schema: schemas.aborted },
      codes: ['ERR_UPLOAD_NOT_FOUND'],
    }),
    input('param', schemas.uploadParam),
    async (context) => {
      const { actor, now } = context.var
      await abortUpload(await openUpload(context.req.valid('param').uploadId, actor, now, uploads), uploads)
      return context.json({ aborted: true })
    },
  )
  return app
}

/** Returns a ticket as the schema `ticket` describes it. */
function ticketOutput({ upload, token, request }: UploadTicket) {
  const base = { uploadId: token, key: upload.key as string }
  if (request === undefined) {
    const partSize = partSizeFor(upload.size ?? 0)
    const parts = { partSize, partCount: partCount(upload.size ?? 0, partSize) }
    return { ...base, protocol: upload.protocol, ...parts, expiresAt: rfc3339(upload.expiresAt) }
  }
  const { method, url, headers, metadata, expiresAt } = request
  const ticket = { ...base, protocol: upload.protocol, method, url, headers, expiresAt: rfc3339(expiresAt) }
  return metadata === undefined ? ticket : { ...ticket, metadata }
}
