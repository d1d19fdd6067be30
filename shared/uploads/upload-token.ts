import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { formatUpload, parseUpload, type Upload } from '../assets/upload.ts'
import { AssetError } from '../errors.ts'

/**
 * The `uploadId` that clients hold: `<record>.<HMAC-SHA256(stampKey, "upload|" + record)>`, both base64url.
 *
 * The declaration travels with the client, so the service keeps no table of uploads; the HMAC makes it ours. Without it a
 * client could declare one byte, then complete a terabyte over somebody else's key. `upload|` keeps it apart from the other
 * uses of the same key.
 */
export function issueUploadToken(upload: Upload, stampKey: string): string {
  const record = formatUpload(upload)
  return `${record}.${mac(record, stampKey).toString('base64url')}`
}

/**
 * The upload of a token that this service issued to this user. Somebody else's token and a forged one look the same from
 * outside: there is no such upload.
 *
 * @param sub of the session that presents it.
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`.
 */
export function readUploadToken(token: string, sub: string, stampKey: string): Upload {
  const upload = verifyUploadToken(token, stampKey)
  if (upload.owner !== ownerOf(sub)) throw unknown()
  return upload
}

/**
 * The upload of a token that this service issued, for any bearer: an upload server receives the token alone.
 *
 * @throws AssetError `ERR_UPLOAD_NOT_FOUND`.
 */
export function verifyUploadToken(token: string, stampKey: string): Upload {
  const [record = '', signature = '', ...rest] = token.split('.')
  const expected = mac(record, stampKey)
  const given = Buffer.from(signature, 'base64url')
  // Verified before it is parsed: nothing unsigned is looked into.
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) throw unknown()
  return parseUpload(record)
}

/** Owner of an upload, in 43 characters for every `sub`. */
export function ownerOf(sub: string): string {
  return createHash('sha256').update(sub).digest('base64url')
}

function mac(record: string, stampKey: string): Buffer {
  return createHmac('sha256', stampKey).update(`upload|${record}`).digest()
}

function unknown(): AssetError {
  return new AssetError('ERR_UPLOAD_NOT_FOUND')
}
