import { generateKeyPairSync } from 'node:crypto'
import { getSignedCookies, getSignedUrl } from '@aws-sdk/cloudfront-signer'

/** A CloudFront key pair that the suite may sign with. */
export interface TrustedKey {
  readonly keyPairId: string
  /** PEM. */
  readonly privateKey: string
  /** `undefined` signs with SHA-1, as RS1 keys do. */
  readonly hash: 'SHA256' | undefined
}

/** The conditions of a custom policy; everything else is left out of it. */
export interface PolicyTerms {
  readonly resource: string
  /** Epoch seconds. */
  readonly expires: number
  readonly notBefore?: number
  readonly sourceIp?: string
}

/** A custom policy as AWS documents it (Developer Guide, "Custom policy for a signed cookie"). */
export function policyFor(terms: PolicyTerms): string {
  const condition: Record<string, unknown> = { DateLessThan: { 'AWS:EpochTime': terms.expires } }
  if (terms.notBefore !== undefined) condition.DateGreaterThan = { 'AWS:EpochTime': terms.notBefore }
  if (terms.sourceIp !== undefined) condition.IpAddress = { 'AWS:SourceIp': terms.sourceIp }
  return JSON.stringify({ Statement: [{ Resource: terms.resource, Condition: condition }] })
}

/** The cookies that AWS's own signer makes of a policy, by name. */
export function signedCookies(key: TrustedKey, policy: string): Map<string, string> {
  return byName(getSignedCookies({ policy, keyPairId: key.keyPairId, privateKey: key.privateKey, ...algorithm(key) }))
}

/** The cookies that AWS's own signer makes of a canned policy, by name. `expires` in epoch seconds. */
export function cannedCookies(key: TrustedKey, url: string, expires: number): Map<string, string> {
  const dateLessThan = new Date(expires * 1000).toISOString()
  const { keyPairId, privateKey } = key
  return byName(getSignedCookies({ url, dateLessThan, keyPairId, privateKey, ...algorithm(key) }))
}

/** The URL that AWS's own signer makes of a custom policy. */
export function urlWithPolicy(key: TrustedKey, url: string, policy: string): string {
  return getSignedUrl({ url, policy, keyPairId: key.keyPairId, privateKey: key.privateKey, ...algorithm(key) })
}

/** The URL that AWS's own signer makes with a canned policy. `expires` in epoch seconds. */
export function urlWithCannedPolicy(key: TrustedKey, url: string, expires: number): string {
  const dateLessThan = new Date(expires * 1000).toISOString()
  return getSignedUrl({ url, dateLessThan, keyPairId: key.keyPairId, privateKey: key.privateKey, ...algorithm(key) })
}

/** A key of the same kind that nobody trusts. */
export function strangerKey(like: TrustedKey): TrustedKey {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { ...like, privateKey }
}

/** A `Cookie` header of these cookies. */
export function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}

function byName(cookies: object): Map<string, string> {
  const given = Object.entries(cookies).filter(([, value]) => value !== undefined)
  return new Map(given.map(([name, value]) => [name, String(value)]))
}

function algorithm(key: TrustedKey): { algorithm?: 'SHA256' } {
  return key.hash === undefined ? {} : { algorithm: key.hash }
}
