import { InputError } from '../shared/errors.ts'
import { cookieAttributes, type SameSite, setCookie } from '../shared/http/set-cookie.ts'
import type { SignedCookies } from './sign.ts'

/** Attributes of the cookies. `Secure` and `HttpOnly` are always set. */
export interface CookieHeaderOptions {
  /** `example.com`, where the app on `app.example.com` sets cookies for `cdn.example.com`. Default: host-only. */
  readonly domain?: string
  /** Default: the prefix that was signed. */
  readonly path?: string
  /** Default `Lax`. `None` for pages of another site; many browsers block those cookies. */
  readonly sameSite?: SameSite
}

/**
 * Returns one `Set-Cookie` value for each cookie.
 *
 * @throws InputError where a browser would not send the cookies to the signed URLs: `domain` or `path` does not fit.
 * @example
 * for (const value of cookieHeaders(signed, { domain: 'example.com' })) response.appendHeader('Set-Cookie', value)
 */
export function cookieHeaders(signed: SignedCookies, options: CookieHeaderOptions = {}): string[] {
  const { path = signed.path, sameSite = 'Lax' } = options
  const domain = options.domain?.replace(/^\./, '').toLowerCase()
  // RFC 6265 section 5.1.3: otherwise the CDN never sees them, and answers 403 without a reason.
  if (domain !== undefined && signed.host !== domain && !signed.host.endsWith(`.${domain}`))
    throw new InputError(['domain'], `domain must be ${signed.host} or a parent of it`)
  if (!coversPath(path, signed.path)) throw new InputError(['path'], `path must be ${signed.path} or a parent of it`)
  if (sameSite !== 'Lax' && sameSite !== 'None') throw new InputError(['sameSite'], 'sameSite must be Lax or None')
  const attributes = cookieAttributes({ path, maxAge: signed.maxAge, domain: domain ?? null, sameSite })
  return Object.entries(signed.cookies).map(([name, value]) => setCookie(name, value, attributes))
}

/** RFC 6265 section 5.1.4. */
function coversPath(path: string, signed: string): boolean {
  return signed === path || (path.startsWith('/') && signed.startsWith(path.endsWith('/') ? path : `${path}/`))
}
