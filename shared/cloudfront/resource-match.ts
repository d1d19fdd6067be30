/**
 * Matching of a policy's `Resource`: `*` stands for any characters, none and `/` included, `?` for exactly one.
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */

/**
 * Returns true if the pattern has no wildcard but a `*` at its end. Such a pattern is compared as text, which is linear and
 * cheap, so it may be matched before its signature is verified; any other pattern may not.
 */
export function isPrefixPattern(pattern: string): boolean {
  const star = pattern.indexOf('*')
  return (star < 0 || star === pattern.length - 1) && pattern.indexOf('?') < 0
}

/** Steps for each character of pattern and URL together, after which the pattern counts as one that does not match. */
const maxStepsPerCharacter = 64

/**
 * Returns true if the pattern covers the whole URL.
 *
 * A mismatch goes back to the latest `*` only: an earlier one could not do better. That alone would allow as many steps as the
 * product of both lengths, and a regular expression made from the pattern exponentially many. So steps are counted: patterns
 * that people write need one or two for each character, and one that needs 64 covers nothing.
 */
export function matchesResource(pattern: string, url: string): boolean {
  if (isPrefixPattern(pattern)) {
    const end = pattern.length - 1
    return pattern.charAt(end) === '*' ? url.slice(0, end) === pattern.slice(0, end) : url === pattern
  }
  let p = 0
  let u = 0
  let star = -1
  let resume = 0
  let steps = maxStepsPerCharacter * (pattern.length + url.length)
  while (u < url.length) {
    if (steps === 0) return false
    steps -= 1
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
