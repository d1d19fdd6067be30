import { fromCloudFrontBase64 } from '../../../shared/cloudfront/base64.ts'
import { showKeyId } from '../../redact.ts'
import { type Check, fail, pass, unknown } from '../check.ts'
import { otherHash, signedTextVariants, verifiesWith } from '../signature-variants.ts'
import { fieldValue } from '../signing-fields.ts'

/** The signature is that of the named key over the policy's bytes. Where it is not, the usual slips are tried out. */
export const signature: Check = {
  name: 'signature',
  by: 'CloudFront',
  run(subject) {
    const { fields, policyJson, publicKeys } = subject
    const id = fieldValue(fields, 'Key-Pair-Id') ?? ''
    const bytes = fromCloudFrontBase64(fieldValue(fields, 'Signature') ?? '')
    if (policyJson === undefined || bytes === undefined) return unknown('policy or signature cannot be read')
    if (publicKeys === undefined) return unknown('give the keys of the key group with --keys or --local')
    const key = publicKeys.get(id)
    if (key !== undefined && verifiesWith(subject, {}))
      return pass('the signature is that of this key over this policy')

    for (const hashAlgorithm of ['SHA256', 'SHA1'] as const) {
      for (const other of publicKeys.keys()) {
        if (other !== id && verifiesWith(subject, { keyPairId: other, hashAlgorithm })) {
          return fail(
            'signed-with-other-key',
            `the signature was made with the key ${other}, and the request names ${showKeyId(id)}`,
            'Keep id and private key together: the key document holds both in one entry.',
          )
        }
      }
    }
    if (key === undefined) return unknown('the key is not known')
    for (const variant of signedTextVariants(subject)) {
      if (verifiesWith(subject, { policyJson: variant.text }))
        return fail(variant.fault, variant.detail, variant.remedy)
    }
    if (verifiesWith(subject, { hashAlgorithm: 'SHA256' }) || verifiesWith(subject, { hashAlgorithm: 'SHA1' })) {
      return unknown('the signature is right under the other hash')
    }
    const hash = otherHash(subject)
    if (hash !== undefined) {
      return fail(
        'signed-with-other-hash',
        `the signature is that of this key over this policy, made with ${hash}`,
        'Sign with SHA-256, and send Hash-Algorithm=SHA256 beside the signature. Besides that CloudFront knows SHA-1 alone, with RSA.',
      )
    }
    const isRsa = key.asymmetricKeyType === 'rsa'
    if (isRsa !== (bytes.length === 256)) {
      return fail(
        'signature-of-other-kind',
        `${showKeyId(id)} is ${isRsa ? 'an RSA' : 'an elliptic-curve'} key, and the signature is of the other kind`,
        'Sign with the private key that belongs to this id.',
      )
    }
    return fail(
      'signature-wrong',
      'the signature is not that of this key over this policy',
      'Either another private key signed (compare its public key with the one in the key group), or the policy or the URL was changed after signing.',
    )
  },
}
