import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import type { KeyAlgorithm } from './key-algorithm.ts'
import type { KeyDocument, SigningKey } from './key-document.ts'

/** A key pair that CloudFront does not know yet. */
export interface KeyPair {
  readonly algorithm: KeyAlgorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** Makes a new key pair of the kind that the algorithm needs: P-256, or RSA of 2048 bits (CloudFront takes no other). */
export function makeKeyPair(algorithm: KeyAlgorithm): KeyPair {
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { algorithm, ...pair }
}

/** The public key as CloudFront takes it: a PEM SubjectPublicKeyInfo. */
export function publicKeyPem(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }) as string
}

/** The first 16 hex digits of the SHA-256 of a public key: a name for it that two keys never share. */
export function publicKeyFingerprint(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16)
}

/** The document's entry of a pair, once CloudFront has given its public key an id. `notBefore` is in epoch seconds. */
export function signingKey(pair: KeyPair, keyPairId: string, notBefore: number): SigningKey {
  return { ...pair, keyPairId, kmsKeyId: undefined, notBefore }
}

/** The first key document of a stage, with a new stamp key. */
export function makeKeyDocument(key: SigningKey, sessionSecret: string | undefined): KeyDocument {
  return { keys: [key], sessionSecret, stampKey: makeSharedSecret() }
}

/** A new secret of 256 bits, as base64url: a stamp key, or the secret of HS256 sessions. */
export function makeSharedSecret(): string {
  return randomBytes(32).toString('base64url')
}
