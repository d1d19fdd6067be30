import { type KeyObject, verify } from 'node:crypto'
import { fromCloudFrontBase64 } from './base64.ts'
import type { SigningFields } from './signing-fields.ts'

/** The result of verifying a signature; all but `valid` are CloudFront's error codes. */
export type SignatureVerdict = 'valid' | 'InvalidKey' | 'MalformedSignature' | 'AccessDenied'

/**
 * Verifies the signature of a request with the keys of a key group. Dates, `Resource` and address are not looked at:
 * that is `checkPolicy`, and both must pass.
 *
 * @param publicKeys RSA or P-256 keys by key pair id.
 */
export function verifySignature(
  signed: Pick<SigningFields, 'policyJson' | 'signature' | 'keyPairId' | 'hashAlgorithm'>,
  publicKeys: ReadonlyMap<string, KeyObject>,
): SignatureVerdict {
  const key = publicKeys.get(signed.keyPairId)
  if (key === undefined) return 'InvalidKey'
  const signature = fromCloudFrontBase64(signed.signature)
  if (signature === undefined) return 'MalformedSignature'
  // The hash comes from the marker, the kind of key from the key itself. SHA-1 is for RSA keys only: CloudFront wants
  // SHA-256 with elliptic curves.
  if (key.asymmetricKeyType !== 'rsa' && signed.hashAlgorithm !== 'SHA256') return 'AccessDenied'
  try {
    return verify(signed.hashAlgorithm, Buffer.from(signed.policyJson, 'utf8'), key, signature)
      ? 'valid'
      : 'AccessDenied'
  } catch {
    return 'AccessDenied'
  }
}

/** The signature of `verifySignature`. */
export type SignatureVerifier = typeof verifySignature

/**
 * Creates a verifier that remembers which signatures are valid. A viewer sends the same cookies with thousands of ranges, and the
 * verdict depends on key, hash, policy and signature alone. Refusals are not remembered: strangers could push out the others.
 *
 * @param limit signatures kept for each key; the one that was verified first makes room.
 */
export function createRememberingVerifier(limit: number): SignatureVerifier {
  const valid = new WeakMap<KeyObject, Set<string>>()
  return (signed, publicKeys) => {
    const key = publicKeys.get(signed.keyPairId)
    if (key === undefined) return 'InvalidKey'
    const known = valid.get(key) ?? new Set()
    // Neither a hash nor base64 holds a space, so two different questions never have one name.
    const question = `${signed.hashAlgorithm} ${signed.signature} ${signed.policyJson}`
    if (known.has(question)) return 'valid'
    const verdict = verifySignature(signed, publicKeys)
    if (verdict !== 'valid') return verdict
    valid.set(key, known.add(question))
    const [first] = known
    if (known.size > limit && first !== undefined) known.delete(first)
    return verdict
  }
}
