import { Hono } from 'hono'
import type { MultipartStore } from '../../../shared/assets/asset-store.ts'
import { partCount, partSizeFor } from '../../../shared/assets/limits.ts'
import { AssetError, type ErrorCode } from '../../../shared/errors.ts'
import { completeUpload } from '../../../shared/uploads/complete.ts'
import { confirmUpload } from '../../../shared/uploads/publish.ts'
import type { Upload } from '../../../shared/uploads/upload.ts'
import { readUploadToken } from '../../../shared/uploads/upload-token.ts'
import { requireAccess } from '../access.ts'
import type { Actor, ApiEnv } from '../actor.ts'
import { assetAnswer, formatTime } from '../answers.ts'
import { documented } from '../describe.ts'
import { input } from '../input.ts'
import * as schemas from '../schemas.ts'
import { type ApiServices, publishOptions } from '../services.ts'
import { type BegunUpload, beginCodes, beginUpload } from '../ticket.ts'

/** `/api/uploads`: a ticket, then the bytes straight to the store, then confirm or complete. */
export function uploadRoutes(services: ApiServices): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()

  app.post(
    '/',
    documented('POST', {
      tag: 'Uploads',
      summary: 'Ask for an upload ticket',
      description:
        'Up to 100 MiB the ticket is one request (`put`, or `tus` on a single server): send the bytes with exactly its headers, then confirm. Above it is `multipart`: ask for part URLs, send the parts, then complete.',
      answer: { status: 201, description: 'The ticket', schema: schemas.ticket },
      codes: [...beginCodes, 'ERR_SIZE', 'ERR_CHECKSUM', 'ERR_TOO_LARGE', 'ERR_QUOTA'],
    }),
    input('json', schemas.uploadInput),
    async (context) => {
      const { actor, now } = context.var
      const begun = await beginUpload(context.req.valid('json'), undefined, actor, now, services)
      return context.json(ticketAnswer(begun), 201)
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
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, services)
      const { partNumbers } = context.req.valid('json')
      const { urls, expiresAt } = await signParts(upload, partNumbers, now, services)
      const parts = partNumbers.map((partNumber, index) => ({ partNumber, url: urls[index] ?? '' }))
      return context.json({ parts, expiresAt: formatTime(expiresAt) })
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
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, services)
      return context.json({ parts: await listParts(upload, services) })
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
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, services)
      const { parts } = context.req.valid('json')
      const asset = await completeUpload(upload, parts, now, multipartOf(upload, services), publishOptions(services))
      return context.json(assetAnswer(asset))
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
      const upload = await openUpload(context.req.valid('param').uploadId, actor, now, services)
      if (upload.protocol === 'multipart') throw new AssetError('ERR_UPLOAD_NOT_FOUND')
      return context.json(assetAnswer(await confirmUpload(upload, now, publishOptions(services))))
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
      await abortUpload(await openUpload(context.req.valid('param').uploadId, actor, now, services), services)
      return context.json({ aborted: true })
    },
  )
  return app
}

/** What `openUpload` and `signParts` refuse. */
export const partUrlCodes = [
  'ERR_UPLOAD_NOT_FOUND',
  'ERR_UPLOAD_EXPIRED',
  'ERR_UPLOAD_PARTS',
] as const satisfies readonly ErrorCode[]

/** What `openUpload` and `completeUpload` refuse. The asset may be deleted before the store could describe it. */
export const completeCodes = [
  ...partUrlCodes,
  'ERR_UPLOAD_INCOMPLETE',
  'ERR_UPLOAD_MISMATCH',
  'ERR_ASSET_EXISTS',
  'ERR_ASSET_NOT_FOUND',
  'ERR_TOO_LARGE',
  'ERR_QUOTA',
] as const satisfies readonly ErrorCode[]

/**
 * The upload that a token names, where it is this session's and its key still lies below what the session is granted: a
 * user who left a team since cannot publish into it.
 *
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`.
 */
export async function openUpload(token: string, actor: Actor, now: number, services: ApiServices): Promise<Upload> {
  const { stampKey } = await services.keys(now)
  const upload = readUploadToken(token, actor.session.sub, stampKey)
  try {
    requireAccess(actor, upload.key, services.config.uploads.publicScope)
  } catch (cause) {
    throw new AssetError('ERR_UPLOAD_NOT_FOUND', undefined, { cause })
  }
  return upload
}

/** @throws AssetError `ERR_UPLOAD_EXPIRED`, `ERR_UPLOAD_PARTS`, `ERR_UPLOAD_NOT_FOUND`. */
export async function signParts(upload: Upload, numbers: readonly number[], now: number, services: ApiServices) {
  const multipart = multipartOf(upload, services)
  if (now >= upload.expiresAt) throw new AssetError('ERR_UPLOAD_EXPIRED')
  if (numbers.some((n) => !Number.isInteger(n) || n < 1 || n > 10_000) || new Set(numbers).size !== numbers.length) {
    throw new AssetError('ERR_UPLOAD_PARTS')
  }
  return multipart.signParts(upload, numbers, now)
}

/** @throws AssetError `ERR_UPLOAD_NOT_FOUND`. */
export async function listParts(upload: Upload, services: ApiServices) {
  const parts = await multipartOf(upload, services).listParts(upload)
  if (parts === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
  return parts.map(({ partNumber, etag, size }) => ({ partNumber, etag, size }))
}

/** Drops what has arrived of an upload. */
export async function abortUpload(upload: Upload, services: ApiServices): Promise<void> {
  if (upload.protocol === 'multipart') await multipartOf(upload, services).abort(upload)
  else await services.store.discard(upload.id)
}

/** @throws AssetError `ERR_UPLOAD_NOT_FOUND` where the upload is not in parts. */
export function multipartOf(upload: Upload, { store }: ApiServices): MultipartStore {
  if (upload.protocol !== 'multipart' || store.multipart === undefined) throw new AssetError('ERR_UPLOAD_NOT_FOUND')
  return store.multipart
}

function ticketAnswer({ upload, uploadId, request }: BegunUpload) {
  const base = { uploadId, key: upload.key as string }
  if (request === undefined) {
    const partSize = partSizeFor(upload.size ?? 0)
    const parts = { partSize, partCount: partCount(upload.size ?? 0, partSize) }
    return { ...base, protocol: upload.protocol, ...parts, expiresAt: formatTime(upload.expiresAt) }
  }
  const { method, url, headers, metadata, expiresAt } = request
  const ticket = { ...base, protocol: upload.protocol, method, url, headers, expiresAt: formatTime(expiresAt) }
  return metadata === undefined ? ticket : { ...ticket, metadata }
}
