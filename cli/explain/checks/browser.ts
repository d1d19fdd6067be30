import { pathMatch } from 'tough-cookie'
import { encodeReserved } from '../../../shared/read/canonical-path.ts'
import { fault, pass, unknown } from '../../finding.ts'
import { type Rejection, rejectionOf, type StoredCookie } from '../../input/stored-cookies.ts'
import { showDuration, showTime } from '../../input/time.ts'
import type { Check, CheckFinding } from '../check.ts'
import { isSameSite, type Obstacle, obstacles } from '../cookie-delivery.ts'
import type { ParsedInput } from '../input.ts'
import { reservedFault } from './guard.ts'

/** Describes why a rule withholds these cookies. */
type Explanation = (withheld: readonly StoredCookie[], input: ParsedInput) => CheckFinding

/**
 * Makes the check of one rule by which browsers withhold cookies (RFC 6265bis section 5.8.3). It fails only if this rule stopped
 * the cookies that came closest to being sent.
 */
function browserCheck(obstacle: Obstacle, passed: string, explain: Explanation): Check {
  return {
    name: `cookie-${obstacle}`,
    by: 'browser',
    run(input) {
      const { delivery, fields, stored } = input
      if (fields.source === 'url') return pass('a signed URL needs no cookies')
      if (stored === undefined) return pass('the cookies are given as they were sent')
      if (delivery === undefined)
        return unknown('which cookies a browser sends depends on the URL, which was not given')
      if (delivery.obstacle === undefined) return pass(passed)
      const stopped = obstacles.indexOf(delivery.obstacle)
      const own = obstacles.indexOf(obstacle)
      if (own < stopped) return pass(passed)
      if (own > stopped) return unknown('an earlier rule already withholds the cookies')
      return explain(delivery.withheld, input)
    },
  }
}

const rejections: Readonly<Record<Rejection, readonly [detail: string, remedy: string]>> = {
  'too-large': [
    'is longer than 4,096 characters, and browsers drop such a cookie',
    'Make the policy shorter: one prefix for each cookie, and no longer names than needed.',
  ],
  'none-insecure': [
    'is SameSite=None without Secure, and browsers drop such a cookie',
    'Set Secure as well, and serve it over https.',
  ],
  'public-suffix': [
    'has a Domain under which anybody can register names, and browsers drop such a cookie',
    'Set Domain to a domain of your own, or leave it out: co.uk, cloudfront.net and github.io are public suffixes.',
  ],
}

/** RFC 6265bis section 5.7: a browser drops some cookies as they arrive. */
export const cookieStored = browserCheck('stored', 'the browser stores the cookies', (withheld) => {
  const [cookie] = withheld
  const rejection = (cookie && rejectionOf(cookie)) ?? 'too-large'
  const [detail, remedy] = rejections[rejection]
  return fault(`cookie-${rejection}`, `the cookie ${cookie?.name} ${detail}`, remedy)
})

/** RFC 6265 section 5.1.3: a host-only cookie is sent to its own host, one with `Domain` also to the subdomains. */
export const cookieDomain = browserCheck('domain', 'the cookies belong to this host', (withheld, { request }) => {
  const hostOnly = withheld.some((cookie) => cookie.hostOnly)
  return fault(
    'cookie-domain',
    `the cookies are for ${listed(withheld.map(({ domain, hostOnly: own }) => `${domain}${own ? ' only' : ''}`))}, the request is for ${request?.hostname}`,
    hostOnly
      ? 'Mint on the host that serves the files, or set cookies.domain to a domain that both hosts belong to. localhost and 127.0.0.1 are two hosts.'
      : 'Set cookies.domain to a domain that the host of the files belongs to.',
  )
})

/** RFC 6265 section 5.1.4. The cookies of a grant have its prefix as their `Path`; paths are compared byte by byte. */
export const cookiePath = browserCheck(
  'path',
  'the Path of the cookies covers the requested path',
  (withheld, { request }) => {
    const path = request?.path ?? ''
    const isBelow = (text: string) => withheld.some((cookie) => pathMatch(text, cookie.path))
    if (isBelow(encodeReserved(path))) return reservedFault(encodeReserved(path))
    const isOtherCase = withheld.some((cookie) => pathMatch(path.toLowerCase(), cookie.path.toLowerCase()))
    return fault(
      isOtherCase ? 'path-case' : 'cookie-path',
      `the cookies are for ${listed(withheld.map((cookie) => cookie.path))}, and the requested path is ${isOtherCase ? 'in another case' : 'not below'}`,
      'Build URLs from the prefixes that /_edge/session returns, in the same spelling; or grant this user the prefix.',
    )
  },
)

/** RFC 6265 section 5.4: `Secure` cookies are sent over https only. Most browsers exempt http://localhost, Safari does not. */
export const cookieSecure = browserCheck('secure', 'Secure is satisfied', () =>
  fault(
    'cookie-secure',
    'the cookies are Secure and the request uses http',
    'Use https. Over plain http, only localhost counts as secure.',
  ),
)

/** RFC 6265 section 5.3: a cookie is dropped when it expires. The cookies of a grant expire with its policy. */
export const cookieLifetime = browserCheck('lifetime', 'the cookies have not expired', (withheld, { now }) => {
  const last = Math.max(...withheld.map(({ expires }) => expires ?? 0))
  return fault(
    'cookie-lifetime',
    `the browser dropped the cookies at ${showTime(last)}, ${showDuration(now - last)} ago`,
    'Request /_edge/session again before refreshAt. If that was moments after the mint, the clocks of viewer and server differ.',
  )
})

const sameSiteRule = browserCheck('same-site', 'SameSite is satisfied', (withheld, { page, request }) =>
  fault(
    'cookie-same-site',
    `a page of ${page?.hostname} requests ${request?.hostname}, which is another site, and the cookies are SameSite=${withheld[0]?.sameSite ?? 'lax'}`,
    'Serve page and files from one registrable domain (app.example.com and cdn.example.com) over the same scheme. app.localhost and cdn.localhost are two sites.',
  ),
)

/** RFC 6265bis section 5.8.3: a `Lax` cookie is not sent with a subrequest of a page of another site. */
export const cookieSameSite: Check = {
  ...sameSiteRule,
  run(input) {
    const finding = sameSiteRule.run(input)
    if (finding.status !== 'pass' || input.stored === undefined || input.fields.source === 'url') return finding
    if (input.page === undefined) return unknown('give the page that made the request with --page')
    if (input.request !== undefined && !isSameSite(input.page, input.request)) {
      return unknown('the standard allows it, but a browser that blocks third-party cookies withholds them')
    }
    return finding
  },
}

/** Joins the distinct values for a sentence. */
function listed(values: readonly (string | undefined)[]): string {
  return [...new Set(values.map((value) => value ?? '(unknown)'))].sort().join(', ')
}
