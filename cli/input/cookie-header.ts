/**
 * Reads a `Cookie` header as it was copied, with its name or without. HTTP/2 and HTTP/3 clients may send it in several lines, which
 * are one (RFC 9113 section 8.2.3).
 */
export function parseCookieHeader(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/^cookie:\s*/i, ''))
    .filter((line) => line !== '')
    .join('; ')
}
