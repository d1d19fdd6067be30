/** JWS algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864) that a session may be signed with. */
export const sessionAlgorithms = [
  'HS256',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** Two names of one algorithm: `Ed25519` is `EdDSA` with that curve (RFC 9864 section 2.2). */
export const edwardsNames: readonly string[] = ['EdDSA', 'Ed25519']

/** Returns the `alg` values of tokens that a stage with these algorithms accepts: both names of one are the same. */
export function acceptedAlgorithms(configured: readonly string[]): string[] {
  const others = configured.filter((algorithm) => !edwardsNames.includes(algorithm))
  return others.length === configured.length ? others : [...others, ...edwardsNames]
}

/** The kind of key that each algorithm verifies with: `kty`, and `crv` where it has one. */
const keyKinds: Readonly<Record<string, readonly [kty: string, crv?: string]>> = {
  ES256: ['EC', 'P-256'],
  ES384: ['EC', 'P-384'],
  ES512: ['EC', 'P-521'],
  EdDSA: ['OKP', 'Ed25519'],
  Ed25519: ['OKP', 'Ed25519'],
}

/** Returns true if a key can verify a session of one of these algorithms (RFC 7517 section 4). */
export function canVerify(key: Readonly<Record<string, unknown>>, configured: readonly string[]): boolean {
  const { kty, crv, alg, use, key_ops: operations } = key
  if (use !== undefined && use !== 'sig') return false
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return false
  return acceptedAlgorithms(configured).some((algorithm) => {
    const [kind, curve] = keyKinds[algorithm] ?? ['RSA']
    return kty === kind && (curve === undefined || crv === curve) && (alg === undefined || alg === algorithm)
  })
}

/** Returns the first of one value or several: the one that a session made for a stage carries. */
export function firstOf<T>(value: T | readonly T[]): T {
  return Array.isArray(value) ? value[0] : (value as T)
}
