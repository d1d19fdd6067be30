/**
 * Matching of a policy's `Resource`: `*` stands for any characters, none and `/` included, `?` for exactly one.
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */

/**
 * Whether the whole URL matches the pattern.
 *
 * A mismatch goes back to the latest `*` only: an earlier one could not do better. So the time is at most the product of
 * both lengths, and linear for a pattern with its one `*` at the end. A regular expression made from the pattern would
 * need exponential time for some patterns.
 */
export function matchesResource(pattern: string, url: string): boolean {
  let p = 0
  let u = 0
  let star = -1
  let resume = 0
  while (u < url.length) {
    const c = p < pattern.length ? pattern.charAt(p) : ''
    if (c === '*') {
      star = p
      p += 1
      // Nothing after the last `*`: the rest of the URL is covered.
      if (p === pattern.length) return true
      resume = u
    } else if (c !== '' && (c === '?' || c === url.charAt(u))) {
      p += 1
      u += 1
    } else if (star >= 0) {
      resume += 1
      p = star + 1
      u = resume
    } else {
      return false
    }
  }
  while (p < pattern.length && pattern.charAt(p) === '*') p += 1
  return p === pattern.length
}
