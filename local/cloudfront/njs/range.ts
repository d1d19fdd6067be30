/**
 * `Range` as CloudFront and S3 read it. This file runs in njs: no classes, spread, destructuring, default parameters. In njs `$`
 * also matches before a line feed at the end, so it is written `$(?!\n)`.
 */

/** Digits that any reader of numbers takes; an object has at most 14. */
const maxDigits = 18

/**
 * Returns the range to ask an origin for; empty where the whole object is the answer: RFC 9110 section 14.2 defines `Range` for
 * `GET` alone, and what is not one valid range is ignored.
 *
 * A position beyond every object stays beyond it, in so few digits that nginx can read it: nginx answers 416 where it
 * cannot, though a last position past the end means the end.
 */
export function originRange(method: string, range: string): string {
  const parts = method === 'GET' ? /^bytes=([0-9]*)-([0-9]*)$(?!\n)/i.exec(range) : null
  if (parts === null) return ''
  const first = readPosition(String(parts[1]))
  const last = readPosition(String(parts[2]))
  const isBackwards =
    last !== '' && (last.length < first.length || (last.length === first.length && last < first && first !== ''))
  if (isBackwards || (first === '' && last === '')) return ''
  return `bytes=${first}-${last}`
}

/** A position without leading zeros, and no further out than nginx can read. */
function readPosition(digits: string): string {
  let zeros = 0
  while (zeros < digits.length - 1 && digits.charAt(zeros) === '0') zeros += 1
  const number = digits.slice(zeros)
  return number.length > maxDigits ? '9'.repeat(maxDigits) : number
}
