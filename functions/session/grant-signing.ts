import { grantCookies } from '../../shared/cloudfront/cookies.ts'
import { customPolicy } from '../../shared/cloudfront/policy.ts'
import type { Grant } from '../../shared/grant/resource-prefix.ts'
import { type KeyDocument, newestUsableKey } from '../../shared/keys/key-document.ts'
import { issueStamp } from '../../shared/revocation/stamp.ts'
import type { SessionServices } from './services.ts'

/** What the policies of one mint have in common. Times in epoch seconds. */
export interface MintTerms {
  readonly host: string
  readonly now: number
  readonly expires: number
  readonly clientIp: string
}

/** The `Set-Cookie` lines that open each grant: a policy signed with the newest key, and the stamp. */
export async function signGrants(
  grants: readonly Grant[],
  { host, now, expires, clientIp }: MintTerms,
  keys: KeyDocument,
  { config, signerOf }: SessionServices,
): Promise<string[]> {
  const { domain, ipBinding } = config.cookies
  const signer = signerOf(newestUsableKey(keys, now))
  const maxAge = expires - now
  const conditions = {
    // An edge location's clock may be behind ours. Whoever reads the policy counts it back (`issuedAt`).
    notBefore: now - config.session.clockSkewSeconds,
    expires,
    ipAddress: ipBinding ? clientIp : undefined,
  }
  const lines = await Promise.all(
    grants.map(async ({ prefix }) => {
      const signed = await signer.sign(customPolicy({ host, prefix, ...conditions }))
      return grantCookies(signed, issueStamp(keys.stampKey, host, prefix, now), { prefix, maxAge, domain })
    }),
  )
  return lines.flat()
}

/** When `signGrants` made a policy; `undefined` for one that does not say, which is somebody else's. */
export function issuedAt(
  policy: { readonly notBefore: number | undefined },
  clockSkewSeconds: number,
): number | undefined {
  return policy.notBefore === undefined ? undefined : policy.notBefore + clockSkewSeconds
}

/** What browsers and CloudFront take in one response, with room for the other headers. */
const mostLines = 47
const mostBytes = 32 * 1024 - 2048

/** Whether one response can carry all of these `Set-Cookie` lines. */
export function fitsOneResponse(lines: readonly string[]): boolean {
  const bytes = lines.reduce((sum, line) => sum + line.length + 'set-cookie: \r\n'.length, 0)
  return lines.length <= mostLines && bytes <= mostBytes
}
