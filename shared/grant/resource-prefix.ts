import { GrantError } from '../errors.ts'
import { decodePathSegment } from './path-segment.ts'
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

/** The longest prefix, in bytes: `revoked` and the prefix must fit a KeyValueStore key (512 bytes). */
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
