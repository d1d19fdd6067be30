import { GrantError } from '../errors.ts'

/**
 * Characters that a segment must not contain: `*` and `?` are wildcards of a CloudFront policy, `/` and `\` end a segment for
 * some reader on the way, control characters end a header line or a cookie. A value with one of them is refused and not
 * escaped: a reader that decodes once too often would otherwise see another prefix.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const refused = /[*?/\\\u0000-\u001f\u007f-\u009f]/

/** Unreserved characters only, and no dot segment: encoded already, and nothing to refuse in it. Most values are such. */
const plain = /^[\w~-][\w.~-]*$/

/** Characters that `encodeURIComponent` leaves unencoded although RFC 3986 section 2.2 reserves them. */
const reserved = /[!'()]/g

/**
 * Turns a text such as a claim into one segment of a path: everything but the unreserved characters of RFC 3986
 * section 2.3 becomes UTF-8 in upper-case percent-encoding.
 *
 * That form is its own normal form (RFC 3986 section 6.2.2), so browsers, CloudFront and S3 cannot rewrite it. The same
 * bytes stand in a policy's `Resource`, a cookie's `Path`, a KeyValueStore key and, decoded once, an object key.
 *
 * @throws GrantError `ERR_GRANT_CLAIM` for an empty text, a dot segment, a wildcard, a separator, a control character or a
 *   lone surrogate.
 */
export function encodePathSegment(value: string): string {
  if (plain.test(value)) return value
  if (value === '' || value === '.' || value === '..' || refused.test(value) || /\p{Surrogate}/u.test(value)) {
    throw new GrantError('ERR_GRANT_CLAIM', 'a value cannot be one path segment')
  }
  return encodeURIComponent(value).replace(reserved, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/**
 * Reads a segment that `encodePathSegment` wrote.
 *
 * @returns the text, or `undefined` where the segment is not exactly what the encoder writes.
 */
export function decodePathSegment(segment: string): string | undefined {
  try {
    const value = decodeURIComponent(segment)
    return encodePathSegment(value) === segment ? value : undefined
  } catch {
    return undefined
  }
}
