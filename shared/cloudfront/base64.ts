/**
 * CloudFront's base64: RFC 4648 section 4 with `+ = /` written `- _ ~`, so that it needs no escaping in a URL or a cookie.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */

/** Encodes bytes, or a text as UTF-8. */
export function toCloudFrontBase64(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value)
  return bytes.toString('base64').replace(/\+/g, '-').replace(/=/g, '_').replace(/\//g, '~')
}

/**
 * Decodes to bytes.
 *
 * @returns `undefined` where the text is not exactly what `toCloudFrontBase64` writes: one value, one spelling.
 */
export function fromCloudFrontBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9~-]+_{0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text.replace(/-/g, '+').replace(/_/g, '=').replace(/~/g, '/'), 'base64')
  return toCloudFrontBase64(bytes) === text ? bytes : undefined
}
