import { getPublicSuffix } from 'tldts'
import { Cookie } from 'tough-cookie'
import { UsageError } from '../usage-error.ts'

/** A cookie as a browser or curl stores it. */
export interface StoredCookie {
  readonly name: string
  readonly value: string
  /** Lower case, without a leading dot; `undefined` if the source does not name it. */
  readonly domain: string | undefined
  /** True if the cookie is sent to this host only, not to its subdomains. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  /** Epoch seconds; `undefined` for a session cookie. */
  readonly expires: number | undefined
  /** `undefined` if the source has no such field, as in a Netscape jar. */
  readonly sameSite: 'strict' | 'lax' | 'none' | undefined
}

/** Max length of name and value together; browsers drop a longer cookie (RFC 6265bis section 5.6). */
const maxCookieLength = 4096

/** Reason why a browser does not store a cookie at all. */
export type Rejection = 'too-large' | 'none-insecure' | 'public-suffix'

/** Returns the reason why a browser drops the cookie as it arrives (RFC 6265bis section 5.7); `undefined` if it stores it. */
export function rejectionOf(cookie: StoredCookie): Rejection | undefined {
  if (cookie.name.length + cookie.value.length > maxCookieLength) return 'too-large'
  if (cookie.sameSite === 'none' && !cookie.secure) return 'none-insecure'
  const { domain, hostOnly } = cookie
  if (domain === undefined || hostOnly) return undefined
  return getPublicSuffix(domain, { allowPrivateDomains: true }) === domain ? 'public-suffix' : undefined
}

/**
 * Parses a Netscape cookie jar (curl's `-c`, the export of browser extensions). Each line is a cookie with seven fields,
 * separated by tabs: domain, TRUE if subdomains are included, path, TRUE for Secure, expiry (0: end of session), name, value.
 * `#HttpOnly_` may precede the domain. https://curl.se/docs/http-cookies.html
 *
 * @throws UsageError with the number of a line that is not a cookie, but never with its content.
 */
export function parseNetscapeJar(text: string): StoredCookie[] {
  const cookies: StoredCookie[] = []
  for (const [index, fullLine] of text.split(/\r?\n/).entries()) {
    const line = fullLine.startsWith('#HttpOnly_') ? fullLine.slice('#HttpOnly_'.length) : fullLine
    if (line.trim() === '' || line.startsWith('#')) continue
    const [domain, subdomains, path, secure, expires, name, ...value] = line.split('\t')
    if (domain === undefined || path === undefined || name === undefined || !/^-?\d+$/.test(expires ?? '')) {
      throw new UsageError(`--jar: line ${index + 1} is not a cookie of a Netscape cookie jar`)
    }
    const at = Number(expires)
    cookies.push({
      name,
      value: value.join('\t'),
      domain: domain.toLowerCase().replace(/^\./, ''),
      hostOnly: subdomains !== 'TRUE',
      path,
      secure: secure === 'TRUE',
      expires: at <= 0 ? undefined : at,
      sameSite: undefined,
    })
  }
  return cookies
}

/** Formats a jar that `curl -b` and `parseNetscapeJar` read. Values must not contain tabs or line breaks. */
export function formatNetscapeJar(cookies: readonly StoredCookie[]): string {
  const lines = cookies.map((cookie) =>
    [
      `#HttpOnly_${cookie.hostOnly ? '' : '.'}${cookie.domain ?? ''}`,
      cookie.hostOnly ? 'FALSE' : 'TRUE',
      cookie.path,
      cookie.secure ? 'TRUE' : 'FALSE',
      String(cookie.expires ?? 0),
      cookie.name,
      cookie.value,
    ].join('\t'),
  )
  return ['# Netscape HTTP Cookie File', ...lines, ''].join('\n')
}

/**
 * Returns the cookies that a browser stores after it received these `Set-Cookie` lines at `now`. A later line replaces an earlier
 * one with the same name, `Domain` and `Path`; an expired line deletes it. The sending host is unknown, so a cookie without
 * `Domain` has `domain: undefined`.
 */
export function parseSetCookieLines(lines: readonly string[], now: number): StoredCookie[] {
  const kept = new Map<string, StoredCookie>()
  for (const line of lines) {
    const cookie = Cookie.parse(line)
    if (cookie === undefined) continue
    const stored = storedCookie(cookie, now)
    const key = `${stored.domain ?? ''};${stored.path};${stored.name}`
    if (stored.value === '' && stored.expires !== undefined && stored.expires <= now) kept.delete(key)
    else kept.set(key, stored)
  }
  return [...kept.values()]
}

function storedCookie(cookie: Cookie, now: number): StoredCookie {
  const sameSite = ['strict', 'lax', 'none'].find((value) => value === cookie.sameSite?.toLowerCase())
  return {
    name: cookie.key,
    value: cookie.value,
    domain: cookie.domain ?? undefined,
    hostOnly: cookie.domain === null,
    path: cookie.path ?? '/',
    secure: cookie.secure,
    expires: expiresOf(cookie, now),
    // Default of browsers for a cookie without SameSite.
    sameSite: (sameSite ?? 'lax') as StoredCookie['sameSite'],
  }
}

/** RFC 6265 section 4.1.2.2: `Max-Age` has precedence over `Expires`. */
function expiresOf(cookie: Cookie, now: number): number | undefined {
  if (typeof cookie.maxAge === 'number') return now + cookie.maxAge
  return cookie.expires instanceof Date ? Math.floor(cookie.expires.getTime() / 1000) : undefined
}
