/**
 * CloudFront's base64: RFC 4648 section 4 with `+ = /` written `- _ ~`, so that it needs no escaping in a URL or a cookie.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports. In njs `$` also matches before a
 * line feed at the end, so it is written `$(?!\n)`.
 */

/** Encodes bytes, or a text as UTF-8. */
export function toCloudFrontBase64(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value)
  return exchange(exchange(exchange(bytes.toString('base64'), '+', '-'), '=', '_'), '/', '~')
}

/**
 * Returns true if the text is exactly what `toCloudFrontBase64` writes for some bytes, none excluded: one value has one
 * spelling. Linear, and nothing is decoded.
 */
export function isCloudFrontBase64(text: string): boolean {
  if (text === '' || text.length % 4 !== 0) return false
  const digits = digitsOf(text)
  if (!/^[A-Za-z0-9~-]+$(?!\n)/.test(digits)) return false
  const last = digits.charAt(digits.length - 1)
  // Bits of the last digit that no byte uses are zero (RFC 4648 section 3.5).
  if (text.length - digits.length === 2) return text.slice(digits.length) === '__' && 'AQgw'.indexOf(last) >= 0
  if (text.length - digits.length === 1) return 'AEIMQUYcgkosw048'.indexOf(last) >= 0
  return text.length === digits.length
}

/**
 * Decodes to bytes.
 *
 * @returns `undefined` where `isCloudFrontBase64` is false.
 */
export function fromCloudFrontBase64(text: string): Buffer | undefined {
  // base64url (RFC 4648 section 5) differs in one digit and has no padding.
  return isCloudFrontBase64(text) ? Buffer.from(exchange(digitsOf(text), '~', '_'), 'base64url') : undefined
}

/** Writes `to` for each `from`. Splitting is linear; `replace` takes quadratic time in njs where it finds much. */
function exchange(text: string, from: string, to: string): string {
  return text.indexOf(from) < 0 ? text : text.split(from).join(to)
}

function digitsOf(text: string): string {
  const padding = text.charAt(text.length - 1) !== '_' ? 0 : text.charAt(text.length - 2) !== '_' ? 1 : 2
  return padding === 0 ? text : text.slice(0, text.length - padding)
}
