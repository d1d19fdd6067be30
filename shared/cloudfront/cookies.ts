import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { type CookieReach, cookieAttributes, setCookie } from '../http/set-cookie.ts'
import type { SignedPolicy } from './signer.ts'
import { stampCookieName } from './signing-fields.ts'

/** Every cookie of one grant. */
export const grantCookieNames = [
  'CloudFront-Policy',
  'CloudFront-Signature',
  'CloudFront-Key-Pair-Id',
  'CloudFront-Hash-Algorithm',
  stampCookieName,
] as const

export type GrantCookieName = (typeof grantCookieNames)[number]

/** Scope and lifetime of the cookies of a grant. */
export interface GrantCookieScope extends CookieReach {
  readonly prefix: ResourcePrefix
  /** Seconds until the policy expires. */
  readonly maxAge: number
}

/**
 * The `Set-Cookie` lines of one grant, with `Path` = the prefix, `Secure`, `HttpOnly` and, by default, `SameSite=Lax`
 * (draft-ietf-httpbis-rfc6265bis). 5 lines; 10 with `domain`, because host-only cookies of the same names from before
 * would be sent beside the new ones, and which of two CloudFront takes is not documented.
 */
export function grantCookies(signed: SignedPolicy, stamp: string, scope: GrantCookieScope): string[] {
  const { prefix, maxAge, ...reach } = scope
  const attributes = cookieAttributes({ path: prefix, maxAge, ...reach })
  const lines = [
    setCookie('CloudFront-Policy', signed.policy, attributes),
    setCookie('CloudFront-Signature', signed.signature, attributes),
    setCookie('CloudFront-Key-Pair-Id', signed.keyPairId, attributes),
    // After a rotation to SHA-1 the old marker would make CloudFront verify the new signature with SHA-256.
    signed.hashAlgorithm === undefined
      ? setCookie('CloudFront-Hash-Algorithm', '', expiredAttributes(prefix, reach))
      : setCookie('CloudFront-Hash-Algorithm', signed.hashAlgorithm, attributes),
    setCookie(stampCookieName, stamp, attributes),
  ]
  return reach.domain === null ? lines : [...expiredGrantCookies(prefix, { ...reach, domain: null }), ...lines]
}

/**
 * The lines that delete what `grantCookies` set for a prefix: the host-only cookies, and with a domain those of the
 * domain too. `names` limits them to some. A deletion must repeat `Path` and `Domain`, else the browser keeps the cookie.
 */
export function expiredGrantCookies(
  prefix: ResourcePrefix,
  reach: CookieReach,
  names: readonly GrantCookieName[] = grantCookieNames,
): string[] {
  return (reach.domain === null ? [null] : [null, reach.domain]).flatMap((domain) => {
    const attributes = expiredAttributes(prefix, { ...reach, domain })
    return names.map((name) => setCookie(name, '', attributes))
  })
}

/** `Max-Age` decides; `Expires` is there for clients that know no other (RFC 6265 section 4.1.2.2). */
function expiredAttributes(path: string, reach: CookieReach): string {
  return `${cookieAttributes({ ...reach, path, maxAge: 0 })}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`
}
