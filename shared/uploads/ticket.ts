import { type Actor, requireWithinLimits, requireWrite } from '../assets/access.ts'
import type { UploadRequest } from '../assets/asset-store.ts'
import { maxSingleBytes } from '../assets/limits.ts'
import { isPublic } from '../assets/object-key.ts'
import type { Upload, UploadProtocol } from '../assets/upload.ts'
import type { StageConfig } from '../config/stage-config.ts'
import { AssetError, type ErrorCode, InputError } from '../errors.ts'
import { stampTime } from '../revocation/state.ts'
import type { SessionTrust } from '../session/session-trust.ts'
import { chooseKey, parseDeclaration, type UploadDeclaration } from './declaration.ts'
import { type CompleteDependencies, multipartOf } from './multipart.ts'
import { quotaLeft } from './quota.ts'
import { issueUploadToken, ownerOf, readUploadToken } from './upload-token.ts'

/** Lifetime of an upload that can be resumed, in seconds. After it, the store drops the bytes that have arrived. */
const resumableSeconds = 7 * 86_400
/** Seconds after the end of its URL in which a one-request upload can still be confirmed. */
const confirmSeconds = 3600

/** Dependencies of uploads. */
export interface UploadDependencies
  extends CompleteDependencies,
    Omit<StageConfig['uploads'], 'quotaBytes'>,
    Pick<SessionTrust, 'keys' | 'revocations'> {
  /** 128 random bits in base64url. */
  readonly newId: () => string
}

/** A ticket: an upload that was allowed and begun. */
export interface UploadTicket {
  readonly upload: Upload
  /** Token that the client presents in every later step; its `uploadId`. */
  readonly token: string
  /** Undefined for multipart: the client asks for the URL of each part. */
  readonly request: UploadRequest | undefined
}

/** How a client wants to send the bytes; `undefined` lets the size decide. */
export type WantedProtocol = 'multipart' | 'form' | undefined

/** Codes of `issueTicket` if no size and no checksum is declared. */
export const ticketCodes = [
  'ERR_KEY_INVALID',
  'ERR_KEY_RESERVED',
  'ERR_CONTENT_TYPE',
  'ERR_CONTENT_TYPE_REFUSED',
  'ERR_SCOPE',
  'ERR_READ_ONLY',
  'ERR_ASSET_NOT_FOUND',
  'ERR_ASSET_EXISTS',
] as const satisfies readonly ErrorCode[]

/**
 * Allows an upload and begins it.
 *
 * @throws InputError if `expiresIn` is longer than the stage's tickets live.
 * @throws AssetError one of `ticketCodes`, or `ERR_SIZE`, `ERR_CHECKSUM`, `ERR_TOO_LARGE`, `ERR_QUOTA`;
 *   `ERR_NOT_IMPLEMENTED` if the store does not support the protocol.
 */
export async function issueTicket(
  declaration: UploadDeclaration,
  wanted: WantedProtocol,
  actor: Actor,
  now: number,
  uploads: UploadDependencies,
): Promise<UploadTicket> {
  const { store, ticketSeconds, maxBytes, quotaBytes } = uploads
  const { expiresIn, visibility } = declaration
  if (expiresIn !== undefined && expiresIn > ticketSeconds) throw new InputError(['expiresIn'])
  const id = uploads.newId()
  const key = declaration.key ?? chooseKey(declaration, actor, id)
  const declared = parseDeclaration({ ...declaration, key }, { maxBytes, maxKeyLength: store.maxKeyLength })
  const depth = requireWrite(actor, declared.key, uploads.publicScope)
  const grantBytes = requireWithinLimits(actor, declared.key, declared)
  if (visibility !== undefined && (visibility === 'public') !== isPublic(key)) throw new AssetError('ERR_KEY_INVALID')
  // Refused before the bytes are sent. The conditional write decides in the end.
  if (!declared.overwrite && (await store.describe(declared.key)) !== undefined)
    throw new AssetError('ERR_ASSET_EXISTS')
  const protocol = chooseProtocol(declared.size, wanted, uploads)
  const left = await quotaLeft(store, { ...declared, depth }, quotaBytes)
  if ((declared.size ?? 0) > left) throw new AssetError('ERR_QUOTA')
  const lifetime = protocol === 'put' ? (expiresIn ?? ticketSeconds) + confirmSeconds : (expiresIn ?? resumableSeconds)
  const upload: Upload = {
    ...declared,
    id,
    protocol,
    owner: ownerOf(actor.sub),
    // A ticket of a state that is minutes old has the time of that state, so that a revocation unknown to it ends the ticket.
    issuedAt: stampTime(await uploads.revocations(now), now),
    expiresAt: now + lifetime,
    maxBytes: Math.min(left, grantBytes, protocol === 'put' ? maxSingleBytes : maxBytes),
    depth,
    storeId: undefined,
  }
  return begin(upload, wanted, expiresIn, now, uploads)
}

async function begin(
  upload: Upload,
  wanted: WantedProtocol,
  seconds: number | undefined,
  now: number,
  { store, keys }: UploadDependencies,
): Promise<UploadTicket> {
  const { stampKey } = await keys(now)
  if (upload.protocol === 'multipart') {
    if (store.multipart === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
    const begun = { ...upload, storeId: await store.multipart.begin(upload) }
    return { upload: begun, token: issueUploadToken(begun, stampKey), request: undefined }
  }
  const token = issueUploadToken(upload, stampKey)
  if (wanted !== 'form') return { upload, token, request: await store.receive(upload, now, seconds) }
  if (store.receiveForm === undefined) throw new AssetError('ERR_NOT_IMPLEMENTED')
  return { upload, token, request: await store.receiveForm(upload, now, seconds) }
}

function chooseProtocol(
  size: number | undefined,
  wanted: WantedProtocol,
  { store }: UploadDependencies,
): UploadProtocol {
  if (wanted === 'multipart') return 'multipart'
  if (wanted === undefined && size !== undefined && size > maxSingleBytes && store.multipart !== undefined) {
    return 'multipart'
  }
  return store.singleProtocol
}

/**
 * Returns the upload of a token that was issued to the actor, if the actor is still granted the prefix of its key: a user who
 * has left a team cannot publish into the team's prefix.
 *
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`.
 */
export async function openUpload(
  token: string,
  actor: Actor,
  now: number,
  { keys, publicScope }: Pick<UploadDependencies, 'keys' | 'publicScope'>,
): Promise<Upload> {
  const { stampKey } = await keys(now)
  const upload = readUploadToken(token, actor.sub, stampKey)
  try {
    requireWrite(actor, upload.key, publicScope)
  } catch (cause) {
    throw new AssetError('ERR_UPLOAD_NOT_FOUND', undefined, { cause })
  }
  return upload
}

/** Drops the bytes of an upload that have arrived. */
export async function abortUpload(upload: Upload, { store }: Pick<UploadDependencies, 'store'>): Promise<void> {
  if (upload.protocol === 'multipart') await multipartOf(upload, store).abort(upload)
  else await store.end(upload.id, 'dropped')
}
