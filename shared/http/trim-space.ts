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
