import { EdgeSignerError } from '../errors.ts'

/**
 * `Set-Cookie` lines (RFC 6265 section 4.1.1):
 *
 *     set-cookie-string = cookie-name "=" cookie-value *( "; " cookie-av )
 *     cookie-name       = token                                   ; RFC 9110 section 5.6.2
 *     cookie-value      = *cookie-octet
 *     cookie-octet      = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
 *     path-av           = "Path=" <any CHAR except CTLs or ";">
 *
 * Nothing is escaped. Our values are base64, percent-encoded paths and numbers, all made of such octets; anything else is a
 * programming fault, and is refused: a `;` in a value would begin an attribute, a line break a header.
 */
const token = /^[\w!#$%&'*+.^`|~-]+$/
const octets = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/
/** A name of letters, digits, hyphens and dots; and a path of cookie octets, which is less than the grammar allows. */
const domainName = /^[a-z0-9.-]+$/i
const localPath = /^\/[\x21-\x3a\x3c-\x7e]*$/

/** Scope of a cookie: its path and domain, and its lifetime. */
export interface CookieScope {
  readonly path: string
  /** Seconds; 0 or less deletes the cookie. */
  readonly maxAge: number
  /** The `Domain` attribute; `null` for a host-only cookie. */
  readonly domain: string | null
  /** Default true: sent over https only (and to localhost). */
  readonly secure?: boolean
  /** Default `Lax`. `None` lets other sites' pages send the cookie, too; browsers take it with `Secure` only. */
  readonly sameSite?: SameSite
}

/** The hosts and sites that a cookie is for. */
export type CookieReach = Pick<CookieScope, 'domain' | 'sameSite'>

/** Which sites' requests carry a cookie (draft-ietf-httpbis-rfc6265bis section 4.1.2.7). */
export type SameSite = 'Lax' | 'None'

/**
 * The attributes of a scope, beginning with `; `: computed once for all cookies that share it. Every cookie is
 * `HttpOnly`, so no script reads it, and by default `SameSite=Lax`: no other site's form or image sends it along.
 *
 * @throws EdgeSignerError `ERR_INTERNAL` where a part could not stand in the line.
 */
export function cookieAttributes({ path, maxAge, domain, secure = true, sameSite = 'Lax' }: CookieScope): string {
  if (!Number.isSafeInteger(maxAge) || !localPath.test(path) || (domain !== null && !domainName.test(domain))) {
    throw unsafe()
  }
  const of = domain === null ? '' : `; Domain=${domain}`
  return `; Max-Age=${maxAge}${of}; Path=${path}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${sameSite}`
}

/**
 * One line.
 *
 * @param attributes what `cookieAttributes` made.
 * @throws EdgeSignerError `ERR_INTERNAL` where the name is no token or the value holds anything but cookie octets.
 */
export function setCookie(name: string, value: string, attributes: string): string {
  if (!token.test(name) || !octets.test(value)) throw unsafe()
  return `${name}=${value}${attributes}`
}

/** The message names no value: it may be a token or a signature. */
function unsafe(): EdgeSignerError {
  return new EdgeSignerError('ERR_INTERNAL', 'a cookie cannot be written')
}
