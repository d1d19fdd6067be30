import { expiredGrantCookies, type GrantCookieName, grantCookies } from '../../shared/cloudfront/cookies.ts'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import { stampCookieName } from '../../shared/cloudfront/signing-fields.ts'
import {
  expiredEdgeGrants,
  expiredRenewals,
  type FormerGrants,
  prefixesOfFormer,
} from '../../shared/grant/edge-grants.ts'
import type { ResourcePrefix } from '../../shared/grant/resource-prefix.ts'
import type { CookieReach } from '../../shared/http/set-cookie.ts'
import { type KeyDocument, newestUsableKey } from '../../shared/keys/key-document.ts'
import { issueStamp } from '../../shared/revocation/stamp.ts'
import type { SessionServices } from './services.ts'

/** Values that all policies of one mint share. Times in epoch seconds. */
export interface GrantSigningInput {
  readonly host: string
  readonly now: number
  /** Time of issue in the policies (`issueTime`): `now`, unless the browser was signed out a moment ago. */
  readonly issued: number
  /** Time in the stamps (`stampTime`). */
  readonly stamped: number
  readonly expires: number
  readonly clientIp: string
}

/** Returns the `Set-Cookie` lines that open each prefix: a policy signed with the newest key, and the stamp. */
export async function signGrants(
  prefixes: readonly ResourcePrefix[],
  { host, now, issued, stamped, expires, clientIp }: GrantSigningInput,
  keys: KeyDocument,
  { config, signerOf }: SessionServices,
): Promise<string[]> {
  const { domain, sameSite, ipBinding } = config.cookies
  const signer = signerOf(newestUsableKey(keys, now))
  const maxAge = expires - now
  const conditions = {
    // Backdated, because an edge location's clock may be behind. `issuedAt` adds the skew again.
    notBefore: issued - config.session.clockSkewSeconds,
    expires,
    ipAddress: ipBinding ? clientIp : undefined,
  }
  const lines = await Promise.all(
    prefixes.map(async (prefix) => {
      const signed = await signer.sign(customPolicy({ host, prefix, ...conditions }))
      return grantCookies(signed, issueStamp(keys.stampKey, host, prefix, stamped), {
        prefix,
        maxAge,
        domain,
        sameSite,
      })
    }),
  )
  return lines.flat()
}

/** Returns when `signGrants` made a policy; `undefined` without `DateGreaterThan`, because it is not from `signGrants`. */
export function issuedAt(
  policy: { readonly notBefore: number | undefined },
  clockSkewSeconds: number,
): number | undefined {
  return policy.notBefore === undefined ? undefined : policy.notBefore + clockSkewSeconds
}

/** Limits of browsers and CloudFront for one response, with room for the other headers. */
const maxLines = 47
const maxBytes = 32 * 1024 - 2048

/** Returns true if one response can carry all of these `Set-Cookie` lines. */
export function fitsOneResponse(lines: readonly string[]): boolean {
  const bytes = lines.reduce((sum, line) => sum + line.length + 'set-cookie: \r\n'.length, 0)
  return lines.length <= maxLines && bytes <= maxBytes
}

/** Share of a policy's life after which it is renewed: late enough to be rare, early enough for a reader in mid-stream. */
const share = 0.8

/** Returns when to renew cookies: at 80 % of the time from `issuedAt` to `expires`. All in epoch seconds. */
export function refreshAt(issuedAt: number, expires: number): number {
  return issuedAt + Math.floor((expires - issuedAt) * share)
}

/**
 * Returns the lines that delete the cookies of former grants, the lists that name these grants, and `others`: as many lines as one
 * response can carry.
 *
 * A prefix has five cookies, ten with `Domain`, so the cookies of eight renewed prefixes and their lists exceed one response.
 * Cookies without a signature open nothing. If not all lines fit, the signature of each prefix is deleted first, together with the
 * list that names the prefix; then the other cookies, the hash marker last.
 *
 * A list whose prefixes do not fit is kept for the next request.
 */
export function clearGrants(former: FormerGrants, reach: CookieReach, others: readonly string[] = []): string[] {
  const whole = [
    ...prefixesOfFormer(former).flatMap((prefix) => expiredGrantCookies(prefix, reach)),
    ...expiredEdgeGrants(reach),
    ...expiredRenewals(
      former.renewals.map(({ name }) => name),
      reach,
    ),
    ...others,
  ]
  return fitsOneResponse(whole) ? whole : signaturesFirst(former, reach, others)
}

function signaturesFirst(former: FormerGrants, reach: CookieReach, others: readonly string[]): string[] {
  const lines = [...others, ...expiredEdgeGrants(reach)]
  const addIfFits = (more: readonly string[]): boolean => {
    const fits = fitsOneResponse([...lines, ...more])
    if (fits) lines.push(...more)
    return fits
  }
  const cleared = new Set<ResourcePrefix>()
  const minted = { prefixes: former.minted, list: [] as string[] }
  const renewed = former.renewals.map(({ name, prefixes }) => ({ prefixes, list: expiredRenewals([name], reach) }))
  for (const { prefixes, list } of [minted, ...renewed]) {
    const left = prefixes.filter((prefix) => !cleared.has(prefix))
    const signatures = left.flatMap((prefix) => expiredGrantCookies(prefix, reach, ['CloudFront-Signature']))
    // Both or neither: without the list, the next request would not know the prefix.
    if (addIfFits([...signatures, ...list])) for (const prefix of left) cleared.add(prefix)
  }
  for (const name of restOfGrant) {
    for (const prefix of cleared) addIfFits(expiredGrantCookies(prefix, reach, [name]))
  }
  return lines
}

/** In the order of deletion: the first two make a request look like one with bad cookies instead of one without. */
const restOfGrant: readonly GrantCookieName[] = [
  'CloudFront-Policy',
  'CloudFront-Key-Pair-Id',
  stampCookieName,
  'CloudFront-Hash-Algorithm',
]
