import { ClientError } from './errors.ts'

/** A published file. */
export interface UploadedAsset {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly contentType: string | undefined
}

/** The service's permission for one upload, and the way of it. `uploadUrl` is where a tus upload has begun. */
export type Ticket = { readonly uploadId: string; readonly key: string } & (
  | { readonly protocol: 'put'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly protocol: 'multipart'; readonly partSize: number; readonly partCount: number }
  | {
      readonly protocol: 'tus'
      readonly url: string
      readonly metadata: Readonly<Record<string, string>>
      readonly uploadUrl?: string | undefined
    }
)

/** Reads a ticket. @throws ClientError `ERR_RESPONSE_INVALID`, also where its parts do not make up the file. */
export function parseTicket(value: unknown, { size }: Blob): Ticket {
  const fields = (value ?? {}) as Readonly<Record<string, unknown>>
  const { uploadId, key, url } = fields
  if (typeof uploadId !== 'string' || !/^[\w.~-]+$/.test(uploadId) || typeof key !== 'string') throw invalid()
  const base = { uploadId, key }
  if (fields.protocol === 'multipart') {
    const { partSize, partCount } = fields
    if (!isCount(partSize) || !isCount(partCount) || partCount > 10_000 || Math.ceil(size / partSize) !== partCount)
      throw invalid()
    return { ...base, protocol: 'multipart', partSize, partCount }
  }
  if (typeof url !== 'string' || !URL.canParse(url, 'https://localhost')) throw invalid()
  if (fields.protocol === 'put' && isTexts(fields.headers))
    return { ...base, protocol: 'put', url, headers: fields.headers }
  if (fields.protocol === 'tus' && isTexts(fields.metadata)) {
    const { uploadUrl, metadata } = fields
    return { ...base, protocol: 'tus', url, metadata, uploadUrl: typeof uploadUrl === 'string' ? uploadUrl : undefined }
  }
  throw invalid()
}

/** Reads the answer to confirm and complete. @throws ClientError `ERR_RESPONSE_INVALID`. */
export function parseAsset(value: unknown): UploadedAsset {
  const { key, size, etag, contentType } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (typeof key !== 'string' || typeof size !== 'number' || typeof etag !== 'string') throw invalid()
  return { key, size, etag, contentType: typeof contentType === 'string' ? contentType : undefined }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string')
}

function invalid(): ClientError {
  return new ClientError('ERR_RESPONSE_INVALID', 'the answer of /api/uploads has another form')
}
