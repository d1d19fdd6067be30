import { fromCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { describeBadBase64 } from '../bad-base64.ts'
import { type Check, fail, pass, unknown } from '../check.ts'
import { fieldLabel, fieldValue } from '../signing-fields.ts'

/** Bytes of an RSA-2048 signature. */
const rsaSize = 256
/** Bytes of a P-256 signature as r‖s (IEEE P1363), which Web Crypto, Java's P1363 mode and JWTs make. */
const rawSize = 64

/** The signature is there, in CloudFront's base64, and has the form of a kind that CloudFront verifies. */
export const signatureEncoding: Check = {
  name: 'signature-encoding',
  by: 'CloudFront',
  run({ fields }) {
    const value = fieldValue(fields, 'Signature')
    if (fields.values.size === 0) return unknown('there is no signature')
    if (value === undefined) {
      return fail(
        'signature-missing',
        `${fieldLabel(fields, 'Signature')} is missing`,
        'Send every part of the signature.',
      )
    }
    const bytes = fromCloudFrontBase64(value)
    if (bytes === undefined) {
      const bad = describeBadBase64(value)
      return fail(`signature-${bad.fault}`, `${fieldLabel(fields, 'Signature')} ${bad.detail}`, bad.remedy)
    }
    if (bytes.length === rawSize) {
      return fail(
        'signature-raw',
        'the signature has 64 bytes: r and s side by side, as Web Crypto and JWT libraries write them',
        'CloudFront wants DER: SEQUENCE { INTEGER r, INTEGER s }. Node: crypto.sign with dsaEncoding "der", its default.',
      )
    }
    if (bytes.length === rsaSize || isDer(bytes)) return pass('the signature is well encoded')
    return fail(
      'signature-shape',
      `the signature has ${bytes.length} bytes and is neither RSA-2048 (256 bytes) nor ECDSA P-256 in DER`,
      'It was cut, encoded twice, written in hexadecimal, or made with another kind of key.',
    )
  },
}

/** A SEQUENCE of two INTEGERs of at most 33 bytes that fills the value exactly (ITU-T X.690 section 8). */
function isDer(bytes: Buffer): boolean {
  const r = bytes[3] ?? 0
  const s = bytes[5 + r] ?? 0
  return (
    bytes[0] === 0x30 &&
    bytes[1] === bytes.length - 2 &&
    bytes[2] === 2 &&
    bytes[4 + r] === 2 &&
    6 + r + s === bytes.length
  )
}
