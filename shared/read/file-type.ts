/**
 * Rules for the `Content-Type` of files, which users chose. The headers function applies them to every file, on CloudFront, in the
 * emulation and on the single server.
 *
 * This file also runs as a CloudFront Function: no classes, spread, destructuring, default parameters.
 */

/**
 * Types that a browser runs script in, or with: HTML, XML in all its forms (XHTML, SVG, XSLT, RSS), JavaScript under the names
 * of the MIME Sniffing standard ("JavaScript MIME type"), and a multipart type whose parts may be HTML.
 */
const active =
  /^\s*(?:text\/(?:html|xml|xsl|(?:x-)?(?:java|ecma)script|javascript1\.\d|jscript|livescript)|application\/(?:xml|xml-[\w-]+|(?:x-)?(?:java|ecma)script)|[\w.+!#$&^-]+\/[\w.!#$&^+-]+\+xml|multipart\/x-mixed-replace)\s*(?:[;,]|$)/i

/** Returns true if browsers must save the file instead of showing it. */
export function isActiveType(contentType: string): boolean {
  return active.test(contentType)
}

/** Not one of the types that the MIME Sniffing standard takes for unknown, with which browsers guess. */
const known = /^\s*(?!unknown\/unknown|application\/unknown)[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:;|$)/i

/** Returns true if `contentType` names a type. */
function isKnownType(contentType: string): boolean {
  return known.test(contentType)
}

/** A type of text, whose parameters begin in the group. */
const text = /^\s*text\/[\w!#$&^.+-]+\s*(;.*)?$/i

/**
 * Returns the type that a browser may show a file as.
 *
 * A missing or unknown type becomes `application/octet-stream`: browsers guess there, and `nosniff` stops that only for scripts and
 * styles. Text without a charset is UTF-8: browsers take it for windows-1252 otherwise, and show "Ã©" for "é".
 */
export function safeType(contentType: string | undefined): string {
  if (contentType === undefined || !isKnownType(contentType)) return 'application/octet-stream'
  const found = text.exec(contentType)
  if (found === null || /;\s*charset\s*=/i.test(found[1] || '')) return contentType
  return `${contentType.replace(/[\s;]+$/, '')}; charset=utf-8`
}
