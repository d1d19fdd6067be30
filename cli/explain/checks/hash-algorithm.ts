import { type Check, fail, pass, unknown } from '../check.ts'
import { verifiesWith } from '../signature-variants.ts'
import { fieldLabel, fieldValue } from '../signing-fields.ts'

/** The marker that says SHA-256; without it CloudFront verifies with SHA-1, and elliptic curves only with SHA-256. */
export const hashAlgorithm: Check = {
  name: 'hash-algorithm',
  by: 'CloudFront',
  run(subject) {
    const { fields, publicKeys } = subject
    const marker = fieldValue(fields, 'Hash-Algorithm')
    if (fields.values.size === 0) return unknown('there is no signature')
    if (marker !== undefined && marker !== 'SHA1' && marker !== 'SHA256') {
      return fail(
        'hash-marker-unknown',
        `${fieldLabel(fields, 'Hash-Algorithm')} is neither SHA256 nor SHA1`,
        'Write SHA256, in upper case and without a hyphen; leave it out for SHA-1.',
      )
    }
    const says = marker ?? 'SHA1'
    const key = publicKeys?.get(fieldValue(fields, 'Key-Pair-Id') ?? '')
    const other = says === 'SHA1' ? 'SHA256' : 'SHA1'
    const isRightUnderOther = verifiesWith(subject, { hashAlgorithm: other })
    if (says === 'SHA1' && (isRightUnderOther || key?.asymmetricKeyType === 'ec')) {
      return fail(
        'hash-marker-missing',
        `${fieldLabel(fields, 'Hash-Algorithm')} ${marker === undefined ? 'is missing' : 'says SHA1'}, and ${isRightUnderOther ? 'the signature was made with SHA-256' : 'the key is an elliptic-curve key, which CloudFront takes with SHA-256 only'}`,
        'Sign with SHA-256, and send Hash-Algorithm=SHA256 (cookie: CloudFront-Hash-Algorithm=SHA256) beside the signature.',
      )
    }
    if (isRightUnderOther) {
      return fail(
        'hash-marker-wrong',
        'the marker says SHA256, and the signature was made with SHA-1',
        'Leave Hash-Algorithm out, or sign with SHA-256. An old CloudFront-Hash-Algorithm cookie may have stayed behind.',
      )
    }
    return pass(`to be verified with ${says}${marker === undefined ? ', as no marker says otherwise' : ''}`)
  },
}
