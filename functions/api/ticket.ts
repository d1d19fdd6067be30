import type { UploadRequest } from '../../shared/assets/asset-store.ts'
import { mostSingleBytes } from '../../shared/assets/limits.ts'
import { isPublic } from '../../shared/assets/object-key.ts'
import { AssetError, type ErrorCode } from '../../shared/errors.ts'
import { objectKeyPrefix } from '../../shared/grant/resource-prefix.ts'
import { parseDeclaration, type UnverifiedDeclaration } from '../../shared/uploads/declare.ts'
import { quotaLeft } from '../../shared/uploads/quota.ts'
import type { Upload, UploadProtocol } from '../../shared/uploads/upload.ts'
import { issueUploadToken, ownerOf } from '../../shared/uploads/upload-token.ts'
import { requireAccess } from './access.ts'
import type { Actor } from './actor.ts'
import { InputError } from './problem.ts'
import type { ApiServices } from './services.ts'

/** How long an upload that can be resumed may go on, in seconds; what has arrived of it is dropped after as long. */
const resumableSeconds = 7 * 86_400
/** How long after its URL a one-request upload may still be confirmed. */
const confirmSeconds = 3600

/** What a client asks for: a key, or a file name for which a key is chosen. */
export interface UploadWish extends Omit<UnverifiedDeclaration, 'key'> {
  readonly key?: string | undefined
  readonly filename?: string | undefined
  readonly visibility?: 'private' | 'public' | undefined
  /** Seconds: the life of a one-request ticket's URL, or of a resumable upload. Left out, the stage's. */
  readonly expiresIn?: number | undefined
}

/** An upload that was allowed and begun. */
export interface BegunUpload {
  readonly upload: Upload
  /** What the client presents in every later step. */
  readonly uploadId: string
  /** Undefined for multipart: parts are asked for one by one. */
  readonly request: UploadRequest | undefined
}

/** What `beginUpload` refuses where no size and no checksum is declared. */
export const beginCodes = [
  'ERR_KEY_INVALID',
  'ERR_KEY_RESERVED',
  'ERR_CONTENT_TYPE',
  'ERR_SCOPE',
  'ERR_ASSET_NOT_FOUND',
  'ERR_ASSET_EXISTS',
] as const satisfies readonly ErrorCode[]

/**
 * Allows an upload and begins it.
 *
 * @param way how the client wants to send; `undefined` lets the size decide.
 * @throws InputError where the wish outlives the stage's tickets.
 * @throws AssetError one of `beginCodes`, or `ERR_SIZE`, `ERR_CHECKSUM`, `ERR_TOO_LARGE`, `ERR_QUOTA`;
 *   `ERR_NOT_IMPLEMENTED` where the store does not know the way.
 */
export async function beginUpload(
  wish: UploadWish,
  way: 'multipart' | 'form' | undefined,
  actor: Actor,
  now: number,
  services: ApiServices,
): Promise<BegunUpload> {
  const { store, config } = services
  const { ticketSeconds } = config.uploads
  if (wish.expiresIn !== undefined && wish.expiresIn > ticketSeconds) throw new InputError(['expiresIn'])
  const id = services.newId()
  const key = wish.key ?? chooseKey(wish, actor, id)
  const limits = { maxBytes: config.uploads.maxBytes, longestKey: store.longestKey }
  const declared = parseDeclaration({ ...wish, key }, limits)
  const depth = requireAccess(actor, declared.key, config.uploads.publicScope)
  if (wish.visibility !== undefined && (wish.visibility === 'public') !== isPublic(key)) {
    throw new AssetError('ERR_KEY_INVALID')
  }
  // Refused now rather than after the bytes were sent; the conditional write decides in the end.
  if (!declared.overwrite && (await store.describe(declared.key)) !== undefined)
    throw new AssetError('ERR_ASSET_EXISTS')
  const protocol = chooseProtocol(declared.size, way, services)
  const left = await quotaLeft(store, { ...declared, depth }, config.uploads.quotaBytes)
  if ((declared.size ?? 0) > left) throw new AssetError('ERR_QUOTA')
  const life =
    protocol === 'put' ? (wish.expiresIn ?? ticketSeconds) + confirmSeconds : (wish.expiresIn ?? resumableSeconds)
  const upload: Upload = {
    ...declared,
    id,
    protocol,
    owner: ownerOf(actor.session.sub),
    issuedAt: now,
    expiresAt: now + life,
    mostBytes: Math.min(left, protocol === 'put' ? mostSingleBytes : config.uploads.maxBytes),
    depth,
    storeId: undefined,
  }
  return begin(upload, way, wish.expiresIn, now, services)
}

async function begin(
  upload: Upload,
  way: 'multipart' | 'form' | undefined,
  seconds: number | undefined,
  now: number,
  { store, keys }: ApiServices,
): Promise<BegunUpload> {
  const { stampKey } = await keys(now)
  if (upload.protocol === 'multipart') {
    if (store.multipart === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
    const begun = { ...upload, storeId: await store.multipart.begin(upload) }
    return { upload: begun, uploadId: issueUploadToken(begun, stampKey), request: undefined }
  }
  const uploadId = issueUploadToken(upload, stampKey)
  if (way !== 'form') return { upload, uploadId, request: await store.receive(upload, now, seconds) }
  if (store.receiveForm === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
  return { upload, uploadId, request: await store.receiveForm(upload, now, seconds) }
}

function chooseProtocol(
  size: number | undefined,
  way: 'multipart' | 'form' | undefined,
  { store }: ApiServices,
): UploadProtocol {
  if (way === 'multipart') return 'multipart'
  if (way === undefined && size !== undefined && size > mostSingleBytes && store.multipart !== undefined) {
    return 'multipart'
  }
  return store.singleProtocol
}

/** A key that is new: the upload's id is part of it. `public/` for public files, else the session's first grant. */
function chooseKey({ filename, visibility }: UploadWish, actor: Actor, id: string): string {
  if (filename === undefined) throw new AssetError('ERR_KEY_INVALID')
  const [grant] = actor.grants
  if (visibility !== 'public' && grant === undefined) throw new AssetError('ERR_ASSET_NOT_FOUND')
  const base = visibility === 'public' || grant === undefined ? 'public/' : objectKeyPrefix(grant.prefix)
  return `${base}uploads/${id}/${safeName(filename)}`
}

/** The last segment of a file name, with `_` for what a key cannot hold, of at most 200 bytes. */
function safeName(filename: string): string {
  const last = filename.split(/[/\\]/).at(-1) ?? ''
  const name = Buffer.from(last)
    .toString()
    .replace(/[*?\p{Cc}\ufffd]/gu, '_')
  let short = name
  while (Buffer.byteLength(short) > 200) short = [...short].slice(0, -1).join('')
  return /^\.{0,2}$/.test(short) ? '_' : short
}
