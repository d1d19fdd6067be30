import { getPublicSuffix, pathMatch } from 'tough-cookie'
import { stampCookieName } from '../../shared/cloudfront/signing-fields.ts'
import { signOutMarkerName } from '../../shared/session/sign-out-marker.ts'
import { isTrustworthyLoopback, type RequestUrl } from '../input/request-url.ts'
import { rejectionOf, type StoredCookie } from '../input/stored-cookies.ts'
import { type FieldName, fieldNames } from './signing-fields.ts'

/** Rules by which a browser drops or withholds a cookie, in the order of RFC 6265bis sections 5.7 and 5.8.3. */
export const obstacles = ['stored', 'domain', 'path', 'secure', 'lifetime', 'same-site'] as const
export type Obstacle = (typeof obstacles)[number]

/** The stored cookies that a browser would send, and the rule that withholds the others. */
export interface CookieDelivery {
  /** In the order sent: longer paths first. */
  readonly sent: readonly StoredCookie[]
  /** If a part of the signature is withheld: the last rule that a signing cookie reached. */
  readonly obstacle: Obstacle | undefined
  /** The cookies that this rule withholds. */
  readonly withheld: readonly StoredCookie[]
}

/** Facts by which a browser decides. */
export interface Delivery {
  readonly request: RequestUrl
  readonly now: number
  /** The page that makes the request; `undefined` if unknown or none. */
  readonly page: RequestUrl | undefined
  readonly navigation: boolean
}

const cookieOf = (field: FieldName) => `CloudFront-${field}`

/** Cookies that CloudFront and the edge functions read: the parts of a signature, the stamp and the marker of a sign-out. */
const edgeCookieNames = [...fieldNames.map(cookieOf), stampCookieName, signOutMarkerName]

/** Alternatives for each required part of a signature. A canned policy is `Expires` alone. */
const required = [[cookieOf('Policy'), cookieOf('Expires')], [cookieOf('Signature')], [cookieOf('Key-Pair-Id')]]

/** Returns the stored cookies that would be sent, and if the signature is incomplete, the rule that withholds the rest. */
export function deliverCookies(stored: readonly StoredCookie[], delivery: Delivery): CookieDelivery {
  const relevant = stored.filter(({ name }) => edgeCookieNames.includes(name))
  const judged = relevant.map((cookie) => ({ cookie, obstacle: obstacleOf(cookie, delivery) }))
  const sent = judged
    .filter(({ obstacle }) => obstacle === undefined)
    .map(({ cookie }) => cookie)
    .sort((a, b) => b.path.length - a.path.length)
  const missing = required.filter((names) => !sent.some(({ name }) => names.includes(name))).flat()
  const withheld = judged.filter(({ cookie, obstacle }) => obstacle !== undefined && missing.includes(cookie.name))
  // Cookies of other prefixes are always withheld by their path. The relevant rule is the last one that any cookie reached.
  const furthest = withheld.reduce((max, { obstacle }) => Math.max(max, obstacles.indexOf(obstacle as Obstacle)), -1)
  const obstacle = obstacles[furthest]
  return {
    sent,
    obstacle,
    withheld: withheld.filter((entry) => entry.obstacle === obstacle).map(({ cookie }) => cookie),
  }
}

function obstacleOf(cookie: StoredCookie, { request, now, page, navigation }: Delivery): Obstacle | undefined {
  const { domain } = cookie
  if (rejectionOf(cookie) !== undefined) return 'stored'
  if (domain !== undefined && request.hostname !== domain) {
    if (cookie.hostOnly || !request.hostname.endsWith(`.${domain}`)) return 'domain'
  }
  if (!pathMatch(request.path, cookie.path)) return 'path'
  if (cookie.secure && request.scheme === 'http' && !isTrustworthyLoopback(request.hostname)) return 'secure'
  if (cookie.expires !== undefined && cookie.expires <= now) return 'lifetime'
  if (page !== undefined && !isSameSite(page, request)) {
    const sameSite = cookie.sameSite ?? 'lax'
    if (sameSite === 'strict' || (sameSite === 'lax' && !navigation)) return 'same-site'
  }
  return undefined
}

/** Returns true for the same scheme and registrable domain (HTML standard, "same site"). */
export function isSameSite(a: RequestUrl, b: RequestUrl): boolean {
  return a.scheme === b.scheme && siteOf(a.hostname) === siteOf(b.hostname)
}

function siteOf(hostname: string): string {
  return getPublicSuffix(hostname, { allowSpecialUseDomain: true, ignoreError: true }) ?? hostname
}
