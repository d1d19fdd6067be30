import { generateKeyPairSync } from 'node:crypto'
import type { TrustedKey } from '../../support/policy-signer.ts'

/** A key pair as the tests need it: to sign with, and as an entry of a key document. */
export interface TestKey extends TrustedKey {
  readonly publicKey: string
  readonly algorithm: 'ES256' | 'RS256' | 'RS1'
}

/** Makes a real key. */
export function makeKey(keyPairId: string, algorithm: TestKey['algorithm']): TestKey {
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
  return { ...pair, keyPairId, algorithm, hash: algorithm === 'RS1' ? undefined : 'SHA256' }
}

/** A key document with these keys, as Secrets Manager holds it. */
export function keyDocument(keys: readonly TestKey[], stampKey: string): string {
  return JSON.stringify({
    keys: keys.map(({ keyPairId, algorithm, privateKey, publicKey }) => {
      return { keyPairId, algorithm, privateKey, publicKey, notBefore: 0 }
    }),
    sessionSecret: 'a-session-secret-of-32-bytes-or-more',
    stampKey,
  })
}
