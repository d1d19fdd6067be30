/** The cookies of one request: every value of a name, in the order sent. A name that came twice shows as two values. */
export type RequestCookies = ReadonlyMap<string, readonly string[]>

/**
 * Splits a `Cookie` header (RFC 6265 section 4.2.1). Values stay exactly as sent: nothing is decoded or unquoted, so two
 * readers cannot disagree about them. Reads anything: a pair without `=` or without a name is left out, never an error.
 *
 * Why not a library: those we know keep one of two values of a name, and which of two sessions counts must not be a guess.
 */
export function readCookies(header: string | undefined): RequestCookies {
  const cookies = new Map<string, string[]>()
  if (header === undefined) return cookies
  let start = 0
  while (start < header.length) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon < 0 ? header.length : semicolon
    const equals = header.indexOf('=', start)
    // `indexOf` looks past the end of a pair without `=`: jump there at once, or a header of `;` costs quadratic time.
    if (equals < 0) break
    if (equals < end) {
      const name = trimSpace(header.slice(start, equals))
      const value = trimSpace(header.slice(equals + 1, end))
      const values = cookies.get(name)
      if (values !== undefined) values.push(value)
      else if (name !== '') cookies.set(name, [value])
      start = end + 1
    } else {
      start = header.lastIndexOf(';', equals) + 1
    }
  }
  return cookies
}

/**
 * Removes spaces and tabs from both ends, the optional white space of HTTP (RFC 9110 section 5.6.3), and nothing else.
 *
 * `String.trim` also removes U+00A0, U+2003, U+FEFF and their like. To a browser a cookie that begins with one of those has a name of
 * its own, without the rules of `__Host-`, so a sibling domain can set it. Trimmed, it would be the session's.
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  // Past either end the code is NaN. A function for the comparison would cost njs more than all the rest.
  for (let code = text.charCodeAt(0); code === 0x20 || code === 0x09; code = text.charCodeAt(start)) start += 1
  if (start === end) return ''
  for (let code = text.charCodeAt(end - 1); code === 0x20 || code === 0x09; code = text.charCodeAt(end - 1)) end -= 1
  return end - start === text.length ? text : text.slice(start, end)
}
