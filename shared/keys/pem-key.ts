import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import { isKeyForAlgorithm, type KeyAlgorithm } from './key-algorithm.ts'
import type { SigningKey } from './key-document.ts'
import { describeKeyForm } from './key-form.ts'

/** Hash of a signature. RSA keys can have either, P-256 keys have SHA-256 only. */
export type SignatureHash = 'SHA256' | 'SHA1'

/**
 * Reads a private key in PEM as a key that signs at once. The messages name the fault and never hold a part of the text.
 *
 * @param keyPairId id of CloudFront's public key.
 * @throws ServiceError `ERR_KEYS_INVALID`.
 */
export function parsePemKey(keyPairId: string, pem: string, hash: SignatureHash = 'SHA256'): SigningKey {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(keyPairId))
    throw invalid('the key pair id must be the id of a CloudFront public key')
  const privateKey = parsePrivateKey(pem)
  const algorithm = algorithmFor(privateKey, hash)
  return { keyPairId, algorithm, privateKey, kmsKeyId: undefined, publicKey: createPublicKey(privateKey), notBefore: 0 }
}

/** Returns the algorithm that a private or public key signs with. @throws ServiceError `ERR_KEYS_INVALID`. */
export function algorithmFor(key: KeyObject, hash: SignatureHash): KeyAlgorithm {
  if (key.asymmetricKeyType === 'ec' && hash === 'SHA1') throw invalid('a P-256 key signs with SHA-256 only')
  const algorithm = key.asymmetricKeyType === 'ec' ? 'ES256' : hash === 'SHA1' ? 'RS1' : 'RS256'
  if (isKeyForAlgorithm(key, algorithm)) return algorithm
  throw invalid(`CloudFront accepts P-256 and RSA keys of 2048 bits, and this is ${kindOf(key)}`)
}

function parsePrivateKey(pem: string): KeyObject {
  try {
    if (/-----BEGIN (EC |RSA )?PRIVATE KEY-----/.test(pem)) return createPrivateKey(pem)
  } catch {
    // No `cause`: an error of OpenSSL may quote its input.
  }
  throw invalid(`the private key ${describeKeyForm(pem, 'PRIVATE KEY')}`)
}

function kindOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined) return `RSA-${modulusLength}`
  return namedCurve === undefined ? 'of another type' : `a key on the curve ${namedCurve}`
}

function invalid(fault: string): ServiceError {
  return new ServiceError('ERR_KEYS_INVALID', fault)
}
