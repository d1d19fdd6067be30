import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { keyPath } from '../assets/object-key.ts'
import { formatUpload, parseUpload, type Upload } from '../assets/upload.ts'
import { AssetError } from '../errors.ts'
import { contains, parseResourcePrefix } from '../grant/resource-prefix.ts'
import type { RevocationState } from '../revocation/state.ts'
import { quotaPrefix } from './quota.ts'

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

/**
 * Returns true if an upload was allowed before its owner's access to the granted prefix was revoked: by the same rules as a
 * session (`isSessionRevoked`), with the time of the ticket. A session that is good in spite of the revocation gets another
 * ticket.
 */
export function isUploadRevoked({ revocations }: RevocationState, upload: Upload): boolean {
  const granted = parseResourcePrefix(keyPath(quotaPrefix(upload.key, upload.depth)))
  return revocations.some(
    ({ prefix, sub, before }) =>
      (sub === undefined || ownerOf(sub) === upload.owner) &&
      upload.issuedAt <= before &&
      (contains(prefix, granted) || contains(granted, prefix)),
  )
}
