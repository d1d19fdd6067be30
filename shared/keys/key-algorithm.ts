import type { KeyObject } from 'node:crypto'

/** P-256 with SHA-256, RSA-2048 with SHA-256, RSA-2048 with SHA-1: the pairings that CloudFront verifies and we sign. */
export type KeyAlgorithm = 'ES256' | 'RS256' | 'RS1'

/** All of them. */
export const keyAlgorithms = ['ES256', 'RS256', 'RS1'] as const satisfies readonly KeyAlgorithm[]

/**
 * Returns true if a key can serve an algorithm: P-256 for `ES256`, RSA of 2048 bits for the others (CloudFront takes no other).
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-trusted-signers.html
 */
export function isKeyForAlgorithm(key: KeyObject, algorithm: KeyAlgorithm): boolean {
  const details = key.asymmetricKeyDetails
  return algorithm === 'ES256'
    ? key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1'
    : key.asymmetricKeyType === 'rsa' && details?.modulusLength === 2048
}
