import { stringifySetCookie } from 'cookie'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import type { SignedPolicy } from './signer.ts'

/** The cookie with our own time stamp of a mint, read by the guard for revocation. */
export const stampCookieName = 'edge-issued'

/** Every cookie of one grant. */
export const grantCookieNames = [
  'CloudFront-Policy',
  'CloudFront-Signature',
  'CloudFront-Key-Pair-Id',
  'CloudFront-Hash-Algorithm',
  stampCookieName,
] as const

/** Where and how long the cookies of a grant live. */
export interface GrantCookieScope {
  readonly prefix: ResourcePrefix
  /** Seconds until the policy expires. */
  readonly maxAge: number
  /** The `Domain` attribute, or `null` for host-only cookies. */
  readonly domain: string | null
}

/**
 * The `Set-Cookie` lines of one grant, with `Path` = the prefix, `Secure`, `HttpOnly` and `SameSite=Lax`
 * (draft-ietf-httpbis-rfc6265bis). 5 lines; 10 with `domain`, because host-only cookies of the same names from before
 * would be sent beside the new ones, and which of two CloudFront takes is not documented.
 */
export function grantCookies(signed: SignedPolicy, stamp: string, scope: GrantCookieScope): string[] {
  const { prefix, maxAge, domain } = scope
  const set = (name: string, value: string) => cookieLine(name, value, prefix, maxAge, domain)
  return [
    ...(domain === null ? [] : expiredGrantCookies(prefix, null)),
    set('CloudFront-Policy', signed.policy),
    set('CloudFront-Signature', signed.signature),
    set('CloudFront-Key-Pair-Id', signed.keyPairId),
    // After a rotation to SHA-1 the old marker would make CloudFront verify the new signature with SHA-256.
    signed.hashAlgorithm === undefined
      ? expiredLine('CloudFront-Hash-Algorithm', prefix, domain)
      : set('CloudFront-Hash-Algorithm', signed.hashAlgorithm),
    set(stampCookieName, stamp),
  ]
}

/**
 * The lines that delete what `grantCookies` set for a prefix: the host-only cookies, and with `domain` those of the
 * domain too. A deletion must repeat `Path` and `Domain`, else the browser keeps the cookie.
 */
export function expiredGrantCookies(prefix: ResourcePrefix, domain: string | null): string[] {
  return (domain === null ? [null] : [null, domain]).flatMap((of) =>
    grantCookieNames.map((name) => expiredLine(name, prefix, of)),
  )
}

function expiredLine(name: string, path: string, domain: string | null): string {
  return `${cookieLine(name, '', path, 0, domain)}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`
}

function cookieLine(name: string, value: string, path: string, maxAge: number, domain: string | null): string {
  return stringifySetCookie({
    name,
    value,
    path,
    maxAge,
    ...(domain === null ? {} : { domain }),
    secure: true,
    httpOnly: true,
    sameSite: 'lax',
  })
}
