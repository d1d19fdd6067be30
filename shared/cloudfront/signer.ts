import { type KeyObject, sign } from 'node:crypto'
import { EdgeSignerError, ServiceError } from '../errors.ts'
import { isKeyForAlgorithm } from '../keys/key-algorithm.ts'
import type { SigningKey } from '../keys/key-document.ts'
import { toCloudFrontBase64 } from './base64.ts'
import { isPolicy } from './policy.ts'

/** A signed policy, ready for cookies or a URL: `policy` and `signature` in CloudFront's base64. */
export interface SignedPolicy {
  readonly policy: string
  readonly signature: string
  readonly keyPairId: string
  /** The marker that CloudFront needs for SHA-256; without it CloudFront verifies with SHA-1. */
  readonly hashAlgorithm: 'SHA256' | undefined
}

/**
 * Signs custom policies with one key. There is no way to hand it a URL and a date, from which AWS's signer would make a
 * canned policy: that one knows no wildcard and no `DateGreaterThan`, and the signer chooses it silently.
 */
export interface PolicySigner {
  /**
   * @param policy the JSON that `customPolicy` or `resourcePolicy` made.
   * @throws EdgeSignerError `ERR_INTERNAL` for anything that is not one strict policy; ServiceError
   *   `ERR_KEYS_UNAVAILABLE` where KMS fails.
   */
  sign(policy: string): Promise<SignedPolicy>
  /** The same for many at once, in their order; none is signed where one is no policy. Uses every core that is free. */
  signAll(policies: readonly string[]): Promise<SignedPolicy[]>
}

/** The KMS algorithms that CloudFront can verify; both hash with SHA-256. */
export type KmsSigningAlgorithm = 'ECDSA_SHA_256' | 'RSASSA_PKCS1_V1_5_SHA_256'

/** KMS `Sign` with `MessageType: RAW`: the signature's bytes (DER for ECDSA). */
export type KmsSign = (keyId: string, signingAlgorithm: KmsSigningAlgorithm, message: Uint8Array) => Promise<Uint8Array>

/**
 * A signer for one key: AWS's own signer with the parsed `KeyObject` (a PEM would be parsed again for each policy), or
 * KMS where the document names a KMS key.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where the key does not fit its algorithm: elliptic curve with SHA-1 would be
 *   signed without an error and verified by nobody.
 */
export function createPolicySigner(key: SigningKey, kmsSign?: KmsSign): PolicySigner {
  if (!isKeyForAlgorithm(key.publicKey, key.algorithm)) throw unusable()
  if (key.privateKey !== undefined) {
    if (!isKeyForAlgorithm(key.privateKey, key.algorithm)) throw unusable()
    return localSigner(key, key.privateKey)
  }
  // KMS cannot sign with SHA-1.
  if (key.kmsKeyId === undefined || kmsSign === undefined || key.algorithm === 'RS1') throw unusable()
  return kmsSigner(key.keyPairId, key.kmsKeyId, kmsAlgorithms[key.algorithm], kmsSign)
}

const kmsAlgorithms = { ES256: 'ECDSA_SHA_256', RS256: 'RSASSA_PKCS1_V1_5_SHA_256' } as const

function localSigner(key: SigningKey, privateKey: KeyObject): PolicySigner {
  const { keyPairId } = key
  const hashAlgorithm = key.algorithm === 'RS1' ? undefined : 'SHA256'
  const hash = hashAlgorithm === undefined ? 'sha1' : 'sha256'
  const signed = (bytes: Uint8Array, signature: Uint8Array): SignedPolicy => ({
    policy: toCloudFrontBase64(bytes),
    signature: toCloudFrontBase64(signature),
    keyPairId,
    hashAlgorithm,
  })
  return {
    async sign(policy) {
      requirePolicy(policy)
      const bytes = Buffer.from(policy, 'utf8')
      return signed(bytes, sign(hash, bytes, privateKey))
    },
    signAll(policies) {
      policies.forEach(requirePolicy)
      return Promise.all(
        policies.map((policy) => {
          const bytes = Buffer.from(policy, 'utf8')
          // With a callback the threads of libuv sign. For one policy the way there takes longer than the signature.
          return new Promise<SignedPolicy>((resolve, reject) =>
            sign(hash, bytes, privateKey, (error, signature) =>
              error === null ? resolve(signed(bytes, signature)) : reject(error),
            ),
          )
        }),
      )
    },
  }
}

/** Signatures that KMS is asked for at once. */
const kmsAtOnce = 20

function kmsSigner(
  keyPairId: string,
  kmsKeyId: string,
  algorithm: KmsSigningAlgorithm,
  kmsSign: KmsSign,
): PolicySigner {
  async function signOne(policy: string): Promise<SignedPolicy> {
    requirePolicy(policy)
    const signature = await kmsSign(kmsKeyId, algorithm, Buffer.from(policy, 'utf8')).catch((cause: unknown) => {
      throw new ServiceError('ERR_KEYS_UNAVAILABLE', 'KMS did not sign', { cause })
    })
    return {
      policy: toCloudFrontBase64(policy),
      signature: toCloudFrontBase64(signature),
      keyPairId,
      hashAlgorithm: 'SHA256',
    }
  }
  return {
    sign: signOne,
    async signAll(policies) {
      policies.forEach(requirePolicy)
      const signed: SignedPolicy[] = []
      for (let from = 0; from < policies.length; from += kmsAtOnce) {
        signed.push(...(await Promise.all(policies.slice(from, from + kmsAtOnce).map(signOne))))
      }
      return signed
    },
  }
}

/** CloudFront trusts every signed text, so only policies of the writer in this folder are signed. */
function requirePolicy(policy: string): void {
  if (!isPolicy(policy)) throw new EdgeSignerError('ERR_INTERNAL', 'not a policy of this service')
}

function unusable(): ServiceError {
  return new ServiceError('ERR_KEYS_INVALID', 'a signing key does not fit its algorithm')
}

/**
 * Returns one signer for each key, because creating a signer checks the key. A new document brings new keys; the signers of the old
 * keys are collected with them.
 */
export function cachedSigners(kmsSign: KmsSign | undefined): (key: SigningKey) => PolicySigner {
  const signers = new WeakMap<SigningKey, PolicySigner>()
  return (key) => {
    const known = signers.get(key)
    if (known !== undefined) return known
    const signer = createPolicySigner(key, kmsSign)
    signers.set(key, signer)
    return signer
  }
}
