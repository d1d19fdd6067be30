import { AssetError } from '../errors.ts'

// RFC 9110 section 8.3.1: media-type = type "/" subtype parameters; parameter = token "=" ( token / quoted-string ).
const token = "[!#$%&'+.^_`|~0-9A-Za-z-]+"
const quoted = '"[ !#-\\[\\]-~]*"'
const mediaType = new RegExp(`^${token}/${token}(?: ?; ?${token}=(?:${token}|${quoted}))*$`)

/** The longest content type: it travels in the metadata of an upload, which S3 limits to 2 KB. */
const longest = 128

/** The type of a file about which nothing is known (RFC 2046 section 4.5.1). */
export const anyContentType = 'application/octet-stream'

/**
 * Parses a `Content-Type` from outside; type and subtype come back in lower case. No `*`: that is a range, not a type.
 *
 * @throws AssetError `ERR_CONTENT_TYPE`.
 */
export function parseContentType(value: string): string {
  if (value.length > longest || !mediaType.test(value)) throw new AssetError('ERR_CONTENT_TYPE')
  const end = value.indexOf(';')
  return end < 0 ? value.toLowerCase() : value.slice(0, end).toLowerCase() + value.slice(end)
}
