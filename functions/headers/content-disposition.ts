/** RFC 6266 section 4.1: `filename` and `filename*`, each a quoted string or a token. */
const filename = /;\s*(filename\*?\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))/gi

/**
 * `Content-Disposition` that saves the file and keeps the name it had. Everything else is dropped, as a value that a
 * browser cannot parse counts as `inline` for some.
 */
export function attachment(existing: string | undefined): string {
  let value = 'attachment'
  if (existing !== undefined) {
    filename.lastIndex = 0
    for (let match = filename.exec(existing); match !== null; match = filename.exec(existing)) value += `; ${match[1]}`
  }
  return value
}
