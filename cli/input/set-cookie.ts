import { Cookie } from 'tough-cookie'
import type { StoredCookie } from './netscape-jar.ts'

/**
 * What a browser keeps of `Set-Cookie` lines, as if they had come just now: later lines replace earlier ones of the same name,
 * `Domain` and `Path`, and those that are expired delete. The host that sent them is not known, so a cookie without `Domain` has none.
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
    // What a browser assumes where nothing is said.
    sameSite: (sameSite ?? 'lax') as StoredCookie['sameSite'],
  }
}

/** RFC 6265 section 4.1.2.2: `Max-Age` wins over `Expires`. */
function expiresOf(cookie: Cookie, now: number): number | undefined {
  if (typeof cookie.maxAge === 'number') return now + cookie.maxAge
  return cookie.expires instanceof Date ? Math.floor(cookie.expires.getTime() / 1000) : undefined
}
