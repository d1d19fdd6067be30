import { UsageError } from '../usage-error.ts'

/** A cookie as a browser or curl keeps it. */
export interface StoredCookie {
  readonly name: string
  readonly value: string
  /** Lower case, without a leading dot; `undefined` where it is not known. */
  readonly domain: string | undefined
  /** Sent to that very host only. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  /** Epoch seconds; `undefined` for a session cookie. */
  readonly expires: number | undefined
  /** `undefined` where the source does not say: a Netscape jar has no place for it. */
  readonly sameSite: 'strict' | 'lax' | 'none' | undefined
}

/**
 * Reads a Netscape cookie jar (curl's `-c`, the export of browser extensions): one cookie a line, seven fields with tabs between:
 * domain, TRUE for subdomains too, path, TRUE for Secure, expiry (0: end of session), name, value. `#HttpOnly_` may stand before
 * the domain. https://curl.se/docs/http-cookies.html
 *
 * @throws UsageError where a line is not a cookie; its number is named, not its content.
 */
export function parseNetscapeJar(text: string): StoredCookie[] {
  const cookies: StoredCookie[] = []
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.startsWith('#HttpOnly_') ? whole.slice('#HttpOnly_'.length) : whole
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

/** Writes a jar that `curl -b` and `parseNetscapeJar` read. No value may hold a tab or a line break. */
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
