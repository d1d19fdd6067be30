import { getPublicSuffix, pathMatch } from 'tough-cookie'
import { stampCookieName } from '../../shared/cloudfront/cookies.ts'
import type { StoredCookie } from '../input/netscape-jar.ts'
import { isTrustworthyLoopback, type RequestUrl } from '../input/request-url.ts'
import { type FieldName, fieldNames } from './signing-fields.ts'

/** Why a browser keeps a cookie to itself, in the order in which RFC 6265bis section 5.8.3 asks. */
export const obstacles = ['domain', 'path', 'secure', 'lifetime', 'same-site'] as const
export type Obstacle = (typeof obstacles)[number]

/** What a browser would send of the cookies it holds. */
export interface CookieDelivery {
  /** In the order sent: longer paths first. */
  readonly sent: readonly StoredCookie[]
  /** The nearest that a signing cookie came to being sent, where a part of the signature stays behind. */
  readonly obstacle: Obstacle | undefined
  /** The cookies that it stopped. */
  readonly withheld: readonly StoredCookie[]
}

/** What a browser knows when it decides. */
export interface Delivery {
  readonly request: RequestUrl
  readonly now: number
  /** The page that asks; `undefined` where it is not known or there is none. */
  readonly page: RequestUrl | undefined
  readonly navigation: boolean
}

const cookieOf = (field: FieldName) => `CloudFront-${field}`

/** The parts of a signature and the stamp. What else a browser holds is nothing to CloudFront. */
const ourNames = [...fieldNames.map(cookieOf), stampCookieName]

/** Without one of each line there is no signed request. A canned policy is `Expires` alone. */
const needed = [[cookieOf('Policy'), cookieOf('Expires')], [cookieOf('Signature')], [cookieOf('Key-Pair-Id')]]

/** Works out which of the stored cookies would be sent, and if the signature is not whole, what holds it back. */
export function deliverCookies(stored: readonly StoredCookie[], delivery: Delivery): CookieDelivery {
  const ours = stored.filter(({ name }) => ourNames.includes(name))
  const judged = ours.map((cookie) => ({ cookie, obstacle: obstacleOf(cookie, delivery) }))
  const sent = judged
    .filter(({ obstacle }) => obstacle === undefined)
    .map(({ cookie }) => cookie)
    .sort((a, b) => b.path.length - a.path.length)
  const missing = needed.filter((names) => !sent.some(({ name }) => names.includes(name))).flat()
  const held = judged.filter(({ cookie, obstacle }) => obstacle !== undefined && missing.includes(cookie.name))
  // Cookies of other prefixes are always held back by their path; the one that came furthest is the one that was meant.
  const furthest = held.reduce((most, { obstacle }) => Math.max(most, obstacles.indexOf(obstacle as Obstacle)), -1)
  const obstacle = obstacles[furthest]
  return {
    sent,
    obstacle,
    withheld: held.filter((entry) => entry.obstacle === obstacle).map(({ cookie }) => cookie),
  }
}

function obstacleOf(cookie: StoredCookie, { request, now, page, navigation }: Delivery): Obstacle | undefined {
  const { domain } = cookie
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

/** Same scheme and same registrable domain (HTML standard, "schemelessly same site", and the scheme). */
export function isSameSite(a: RequestUrl, b: RequestUrl): boolean {
  return a.scheme === b.scheme && siteOf(a.hostname) === siteOf(b.hostname)
}

function siteOf(hostname: string): string {
  return getPublicSuffix(hostname, { allowSpecialUseDomain: true, ignoreError: true }) ?? hostname
}
