import { AssetError } from '../errors.ts'
import { encodePathSegment } from '../grant/resource-prefix.ts'

/** The query parameter of a download URL that names the file; S3 has the same one on presigned URLs. */
export const downloadNameParameter = 'response-content-disposition'

/** The parameter that names a file, as it stands in a URL and is signed: `response-content-disposition=attachment%3B%20…`. */
export function downloadNameQuery(fileName: string): string {
  // `*` is a wildcard in a policy, and some readers end at `'`.
  const value = encodeURIComponent(attachmentNamed(fileName)).replace(
    /[*'()!]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${downloadNameParameter}=${value}`
}

/**
 * Parses a file name from outside: one path segment of at most 255 bytes.
 *
 * @throws AssetError `ERR_FILE_NAME`.
 */
export function parseFileName(value: string): string {
  if (Buffer.byteLength(value) > 255) throw new AssetError('ERR_FILE_NAME')
  try {
    encodePathSegment(value)
  } catch (cause) {
    throw new AssetError('ERR_FILE_NAME', undefined, { cause })
  }
  return value
}

/**
 * The `Content-Disposition` that saves a file under a name: always `attachment`, the name as `ext-value` of RFC 8187
 * section 3.2, so that no character of it can end the field. Clients that know no `filename*` get a plain `filename` before it
 * (RFC 6266 appendix D) with `_` for each character that they could misread: non-ASCII, quotes, `%` and the backslash.
 */
export function attachmentNamed(fileName: string): string {
  const plain = fileName.replace(/[^\w !#$&'()+,.;=@[\]^`{}~-]/gu, '_')
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodePathSegment(fileName)}`
}
