/**
 * Types that a browser runs script in, or with: HTML, XML in all its forms (XHTML, SVG, XSLT, RSS), JavaScript under the names
 * of the MIME Sniffing standard ("JavaScript MIME type"), and a multipart type whose parts may be HTML.
 */
const active =
  /^\s*(?:text\/(?:html|xml|xsl|(?:x-)?(?:java|ecma)script|javascript1\.\d|jscript|livescript)|application\/(?:xml|xml-[\w-]+|(?:x-)?(?:java|ecma)script)|[\w.+!#$&^-]+\/[\w.!#$&^+-]+\+xml|multipart\/x-mixed-replace)\s*(?:[;,]|$)/i

/** Whether the file must be saved and not shown. */
export function isActiveType(contentType: string): boolean {
  return active.test(contentType)
}

/** Not one of the types that the MIME Sniffing standard takes for unknown, with which browsers guess. */
const known = /^\s*(?!unknown\/unknown|application\/unknown)[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(?:;|$)/i

/** Whether `contentType` names a type at all. */
export function isKnownType(contentType: string): boolean {
  return known.test(contentType)
}
