import { EdgeSignerError } from '../errors.ts'

/** The cookies of one request: every value of a name, in the order sent. A name that came twice shows as two values. */
export type RequestCookies = ReadonlyMap<string, readonly string[]>

/**
 * Splits a `Cookie` header (RFC 6265 section 4.2.1). Values stay exactly as sent: nothing is decoded or unquoted, so two
 * readers cannot disagree about them. Reads anything: a pair without `=` or without a name is left out, never an error.
 *
 * Why not a library: those we know keep one of two values of a name, and which of two sessions counts must not be a guess.
 */
export function readCookies(header: string | undefined): RequestCookies {
  const cookies = new Map<string, string[]>()
  if (header === undefined) return cookies
  let start = 0
  while (start < header.length) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon < 0 ? header.length : semicolon
    const equals = header.indexOf('=', start)
    // `indexOf` looks past the end of a pair without `=`: jump there at once, or a header of `;` costs quadratic time.
    if (equals < 0) break
    if (equals < end) {
      const name = trimSpace(header.slice(start, equals))
      const value = trimSpace(header.slice(equals + 1, end))
      const values = cookies.get(name)
      if (values !== undefined) values.push(value)
      else if (name !== '') cookies.set(name, [value])
      start = end + 1
    } else {
      start = header.lastIndexOf(';', equals) + 1
    }
  }
  return cookies
}

/**
 * Removes spaces and tabs from both ends, the optional white space of HTTP (RFC 9110 section 5.6.3), and nothing else.
 *
 * `String.trim` also removes U+00A0, U+2003, U+FEFF and their like. To a browser a cookie that begins with one of those has a name of
 * its own, without the rules of `__Host-`, so a sibling domain can set it. Trimmed, it would be the session's.
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters or imports.
 */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  // Past either end the code is NaN. A function for the comparison would cost njs more than all the rest.
  for (let code = text.charCodeAt(0); code === 0x20 || code === 0x09; code = text.charCodeAt(start)) start += 1
  if (start === end) return ''
  for (let code = text.charCodeAt(end - 1); code === 0x20 || code === 0x09; code = text.charCodeAt(end - 1)) end -= 1
  return end - start === text.length ? text : text.slice(start, end)
}

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
