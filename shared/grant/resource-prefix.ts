import { GrantError } from '../errors.ts'
import type { Access, UploadLimits } from './template.ts'

declare const brand: unique symbol

/** A path such as `/users/alice/`, in the one spelling that every reader agrees on. Made by `parseResourcePrefix` only. */
export type ResourcePrefix = string & { readonly [brand]: 'ResourcePrefix' }

/** A right to everything below one prefix. */
export interface Grant {
  readonly prefix: ResourcePrefix
  readonly access: Access
  readonly upload?: UploadLimits
}

/** Segments of unreserved characters, none of them a dot segment: canonical without decoding. Most prefixes are such. */
const plain = /^(?:\/(?!\.\.?\/)[\w.~-]+)+\/$/

/** Max length of a prefix, in bytes: `revoked` and the prefix must fit a KeyValueStore key (512 bytes). */
export const maxPrefixLength = 400

/**
 * Promises a canonical prefix: begins and ends with `/`, has at least one segment, each exactly as `encodePathSegment`
 * writes it, and has at most 400 bytes. The `/` at the end is what keeps a grant for `alice` away from `alice2`.
 *
 * @throws GrantError `ERR_GRANT_CLAIM` for anything else; the value is not repeated in the message.
 */
export function parseResourcePrefix(value: string): ResourcePrefix {
  // Checked first: the work below stays small whatever the caller was given. Canonical prefixes are ASCII, so this is bytes.
  if (value.length > maxPrefixLength)
    throw new GrantError('ERR_GRANT_CLAIM', `a prefix is longer than ${maxPrefixLength} bytes`)
  if (plain.test(value)) return value as ResourcePrefix
  const segments = value.split('/')
  const canonical =
    segments.length > 2 &&
    segments[0] === '' &&
    segments.at(-1) === '' &&
    segments.slice(1, -1).every((segment) => decodePathSegment(segment) !== undefined)
  if (!canonical) throw new GrantError('ERR_GRANT_CLAIM', 'a prefix is not in canonical form')
  return value as ResourcePrefix
}

/** Returns true if everything below `inner` is also below `outer`. */
export function contains(outer: ResourcePrefix, inner: ResourcePrefix): boolean {
  return inner.startsWith(outer)
}

/** The object key (S3) or relative file path of a prefix: `/users/a%40b/` is `users/a@b/`. */
export function objectKeyPrefix(prefix: ResourcePrefix): string {
  return decodeURIComponent(prefix.slice(1))
}

/**
 * Characters that a segment must not contain: `*` and `?` are wildcards of a CloudFront policy, `/` and `\` end a segment for
 * some reader on the way, control characters end a header line or a cookie. A value with one of them is refused and not
 * escaped: a reader that decodes once too often would otherwise see another prefix.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const refused = /[*?/\\\u0000-\u001f\u007f-\u009f]/

/** Unreserved characters only, and no dot segment: encoded already, and nothing to refuse in it. Most values are such. */
const plainSegment = /^[\w~-][\w.~-]*$/

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
  if (plainSegment.test(value)) return value
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
