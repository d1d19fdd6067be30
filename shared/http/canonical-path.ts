/**
 * Whether a raw path is the one spelling of itself, as the guard (`functions/guard`) demands before it compares paths as text.
 *
 * CloudFront picks the behaviour by the normalised path and sends the raw one to the origin. A path such as
 * `/public/../users/bob/x` would be checked as one and served as the other; `/users/%61lice/x` would miss what was revoked
 * for `/users/alice/`.
 *
 * Refused: no leading `/`; `//`; dot segments; a `%` that is malformed, in lower-case digits, or not UTF-8; an encoded
 * unreserved character, `/`, `\` or ASCII control character; a raw character that RFC 3986 does not have in a path, except
 * `[ ] ^ |`, which browsers send. The query string is not part of it.
 */
export function isCanonicalPath(path: string): boolean {
  return canonical.test(path) && !/\/\.{0,2}\/|\/\.{1,2}$/.test(path) && isUtf8(path)
}

const canonical =
  /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/[\]^|]|%(?:2[0-9A-C]|3[A-F]|40|5[BDE]|60|7[B-D]|[89A-F][0-9A-F]))*$/

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
