/**
 * Compares in time that depends on the length only, so that an HMAC or a digest cannot be guessed character by character.
 * This file also runs as a CloudFront Function: no imports.
 */
export function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}
