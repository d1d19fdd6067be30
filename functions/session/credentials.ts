import type { Policy } from '../../shared/cloudfront/policy.ts'
import { matchesResource } from '../../shared/cloudfront/resource-match.ts'
import { checkConditions, isSignedUrl, readSignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { stampCookieName } from '../../shared/cloudfront/signing-fields.ts'
import type { SignatureVerifier } from '../../shared/cloudfront/verify.ts'
import type { RequestCookies } from '../../shared/http/cookies.ts'
import type { HttpRequest } from '../../shared/http/message.ts'
import { type KeyDocument, publicKeysOf } from '../../shared/keys/key-document.ts'
import { isStampNewer } from '../../shared/revocation/key-value.ts'
import { verifyStamp } from '../../shared/revocation/stamp.ts'
import { type RevocationState, revokedBefore } from '../../shared/revocation/state.ts'

/** Credentials of a request for a file: none, a signed URL, or signed cookies, with the verdict on them. */
export type Credentials =
  | { readonly verdict: 'none' }
  | { readonly verdict: 'refused' | 'revoked'; readonly source: 'url' | 'cookies' }
  | {
      readonly verdict: 'good'
      readonly source: 'url' | 'cookies'
      readonly policy: Policy
      /** The query string without the parameters of a signed URL: they are no business of the origin's. */
      readonly querystring: string
    }

/** Dependencies of the verdict. */
export interface CredentialDependencies {
  readonly keys: () => Promise<KeyDocument>
  readonly revocations: () => Promise<RevocationState>
  readonly verifySignature: SignatureVerifier
}

/**
 * Judges a request as CloudFront and the guard together do: one parameter of a signed URL makes the cookies count for
 * nothing; policy and signature must hold; and below a revoked prefix only cookies with a newer stamp do.
 *
 * Dates and address are checked first, in the same time for every policy, then the signature. `Resource` is a pattern, so it is
 * matched only where a trusted key signed it: anybody can send one that takes long to match.
 *
 * @param prefixes those of the path at which a grant can be.
 * @throws ServiceError if the keys or the revocations are not available.
 */
export async function judgeCredentials(
  request: HttpRequest,
  cookies: RequestCookies,
  prefixes: readonly string[],
  trust: CredentialDependencies,
  now: number,
): Promise<Credentials> {
  const { host, path, querystring, clientIp } = request
  const source = isSignedUrl(querystring) ? 'url' : 'cookies'
  if (source === 'cookies' && !signatureCookies.some((name) => cookies.has(name))) return { verdict: 'none' }
  const read = readSignedRequest(
    { url: `https://${host}${path}`, querystring, cookieHeader: request.headers.cookie ?? '' },
    'refuse',
  )
  if ('refusal' in read) return { verdict: 'refused', source }
  const { policy } = read
  if (checkConditions(policy, { now, clientIp }) !== undefined) return { verdict: 'refused', source }
  const [keys, revocations] = await Promise.all([trust.keys(), trust.revocations()])
  if (trust.verifySignature(read, publicKeysOf(keys)) !== 'valid') return { verdict: 'refused', source }
  if (!matchesResource(policy.resource, read.url)) return { verdict: 'refused', source }

  const before = revokedBefore(revocations, path)
  if (before !== undefined) {
    // CloudFront's signature says nothing about when the cookies were made; only our own stamp does. A signed URL has none.
    const stamps = source === 'url' ? [] : (cookies.get(stampCookieName) ?? [])
    const isNewer = (stamp: string, prefix: string) =>
      isStampNewer(verifyStamp(keys.stampKey, host, prefix, stamp), before, now)
    if (!stamps.slice(0, 4).some((stamp) => prefixes.some((prefix) => isNewer(stamp, prefix)))) {
      return { verdict: 'revoked', source }
    }
  }
  return { verdict: 'good', source, policy, querystring: read.querystring }
}

/** Their absence is what makes a browser new here. The hash marker alone opens nothing. */
const signatureCookies = ['CloudFront-Policy', 'CloudFront-Signature', 'CloudFront-Key-Pair-Id']
