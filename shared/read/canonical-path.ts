/**
 * The check that lets everything behind it compare paths as plain text.
 *
 * CloudFront chooses the behaviour by the normalised path (RFC 3986 section 6.2.2) but sends the raw one to S3, which
 * decodes it once; a policy's `Resource` and a revocation are prefixes of the URL as text. A path that those readers
 * could understand in two ways is refused:
 *
 * - `//`, `/./`, `/../`, also with the dots encoded: `/users/alice/../bob/x` starts with Alice's prefix and, once the
 *   dots are removed, is Bob's file; `/public/../users/bob/x` is matched as one behaviour and read as another.
 * - `%2F`, `%5C`, `\`: one segment for the signature, two for a reader that decodes first.
 * - An unreserved character in percent-encoding, lower-case hex: `/users/%61lice/x` and `/users/alice/x` are the same
 *   file, but the revocation of `/users/alice/` and a range-only prefix would be looked up under another name; and it is
 *   a second entry in the cache, which no invalidation of the first one reaches.
 * - A control character, encoded or not: it ends a line in a header or a log.
 * - An invalid escape, UTF-8 that is not well-formed (`%C0%AF` is an overlong `/`), raw bytes outside ASCII, and the
 *   characters that RFC 3986 forbids and browsers always encode: every reader repairs them in its own way.
 *
 * Reserved characters such as `+`, `!`, `(`, `@` may stand in an object's name raw or encoded, as clients differ in what
 * they encode; and `[`, `]`, `^`, `|` may stand raw, as browsers send them. See `encodeReserved` for the part before.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters or imports.
 */

/** Anything but unreserved characters and separators; an empty segment, a dot segment. */
const notPlain = /[^\w\-.~/]|\/(?:\/|\.\.?(?:\/|$))/

/**
 * Other allowed parts of a segment: the raw characters, then escapes in upper-case hex: ASCII without controls, unreserved,
 * `/` and `\`, and UTF-8 as in RFC 3629 section 4.
 */
const harmless =
  /[!$&-,:;=@[\]^|]|%(?:2[\dA-C]|3[A-F]|40|5[BDE]|60|7[BCD]|(?!C[01]|E0%[89]|ED%[AB]|F0%8|F4%[9AB])(?:[CD]|E[\dA-F]%[89AB]|F[0-4]%[89AB][\dA-F]%[89AB])[\dA-F]%[89AB][\dA-F])/g

/**
 * Returns true if all readers understand `uri` in the same way. Most paths are plain and settled by the first question; the
 * others are plain once their harmless characters are taken for letters.
 */
export function isCanonicalPath(uri: string): boolean {
  return uri[0] === '/' && (!notPlain.test(uri) || !notPlain.test(uri.replace(harmless, 'x')))
}

/**
 * Writes a canonical path as `encodePathSegment` would. A path below a prefix may have `+` and `%2B`; in a prefix only the
 * encoded form may stand, else one revocation had two names, and S3 reads a raw `+` as a space, so that `/users/a+b/`
 * would be the files of `a b`.
 */
export function encodeReserved(uri: string): string {
  return uri.replace(/[^\w\-.~/%]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Returns true if `encodeReserved` would change a canonical path. */
export function hasReserved(uri: string): boolean {
  return encodeReserved(uri) !== uri
}
