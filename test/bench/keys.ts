import { generateKeyPairSync } from 'node:crypto'

/** A new private key in PKCS #8 PEM: keys differ in no way that matters for time. */
export function benchKey(algorithm: 'ES256' | 'RS256'): string {
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
