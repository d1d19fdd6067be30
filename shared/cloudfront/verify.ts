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
