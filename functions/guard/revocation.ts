// biome-ignore lint/style/useNodejsImportProtocol: CloudFront Functions know the module by this name only.
import crypto from 'crypto'
import type { FunctionRequest } from '../../shared/cloudfront/function-event.ts'
import { formatStamp } from '../../shared/revocation/stamp-format.ts'

/**
 * The parameters that make a URL a signed one.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-choosing-signed-urls-cookies.html
 */
const signingParameters = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']

/**
 * Whether `request` proves that access was granted anew after `before`: it has a stamp for one of `prefixes`, newer than that.
 *
 * The policy proves nothing here: the function cannot verify its signature, and the policy of another grant would do. A
 * signed URL is refused on a revoked prefix, also where a stamp came with it: CloudFront checked the URL and not the cookies.
 */
export function isGrantedAfter(
  before: number,
  request: FunctionRequest,
  host: string,
  prefixes: readonly string[],
  stampKey: string,
): boolean {
  if (signingParameters.some((name) => request.querystring[name] !== undefined)) return false
  const cookie = request.cookies['edge-issued']
  if (!cookie) return false
  const hmac = (text: string) => crypto.createHmac('sha256', stampKey).update(text).digest('base64url')
  // A leftover of the same name may stand beside the new stamp; each was made by us or counts for nothing.
  return (cookie.multiValue || [cookie]).some((stamp) => {
    const epoch = Number.parseInt(stamp.value, 10)
    // The HMACs of both texts are compared, so that the time it takes tells nothing about the stamp that would be right.
    return (
      epoch > before && prefixes.some((prefix) => hmac(stamp.value) === hmac(formatStamp(hmac, host, prefix, epoch)))
    )
  })
}
