import { anyContentType } from '../../shared/assets/limits.ts'
import { isPublic } from '../../shared/assets/object-key.ts'
import type { Upload } from '../../shared/assets/upload.ts'
import { AssetError } from '../../shared/errors.ts'

/** Name of the field that decides; the others only repeat what it holds, for people and tools that read them. */
export const tokenField = 'upload-token'

/** The header in which nginx names the request, for the upload server and for the fallback alike. */
export const requestIdHeader = 'x-edge-request-id'

/** What a tus client sends as metadata when it creates an upload. */
export function uploadMetadata(upload: Upload, token: string): Record<string, string> {
  return { ...publicMetadata(upload), 'upload-expires': String(upload.expiresAt), [tokenField]: token }
}

/** What the upload server keeps and shows to whoever knows the upload's URL: no token. */
export function publicMetadata(upload: Upload): Record<string, string> {
  return {
    'asset-key': upload.key,
    'content-type': upload.contentType,
    visibility: isPublic(upload.key) ? 'public' : 'private',
  }
}

/**
 * Metadata beside a token must say what the token says: a client that is told one key and given another would never notice.
 * Fields of other names are let in and dropped; clients add file names and the like.
 *
 * @throws AssetError `ERR_UPLOAD_MISMATCH`.
 */
export function requireSameMetadata(sent: Readonly<Record<string, string>>, upload: Upload): void {
  for (const [name, value] of Object.entries(uploadMetadata(upload, sent[tokenField] ?? ''))) {
    // A browser that does not know the type says `''`, as it did when it asked for the ticket.
    if (name === 'content-type' && sent[name] === '' && value === anyContentType) continue
    if (Object.hasOwn(sent, name) && sent[name] !== value) throw new AssetError('ERR_UPLOAD_MISMATCH')
  }
}

/**
 * An `Upload-Metadata` header with its pairs separated by a comma alone. Libraries and proxies that join headers write a space behind
 * it; the parser of the embedded server takes none.
 */
export function plainUploadMetadata(header: string): string {
  return header
    .split(',')
    .map((pair) => pair.trim())
    .join(',')
}

/** The `Upload-Metadata` header: `key base64, key base64` (https://tus.io/protocols/resumable-upload#upload-metadata). */
export function formatUploadMetadata(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
    .join(',')
}
