import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import { checkPolicy, readSignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'
import type { Subject } from './subject.ts'

/** What the key group says: let through, refused with a code, or not to be told from what was given. */
export type EdgeVerdict = 'valid' | CloudFrontErrorCode | 'undecided'

/**
 * Judges the request with the very functions that the emulation runs. The checks explain; this decides, so that a case that no
 * check knows is still refused.
 */
export function edgeVerdict(subject: Subject): EdgeVerdict {
  const { request, sentCookies, publicKeys, now, clientIp } = subject
  const source = {
    url: request?.signedUrl ?? 'https://unknown.invalid/',
    querystring: request?.querystring ?? '',
    cookieHeader: sentCookies,
  }
  const signed = readSignedRequest(source, 'refuse')
  if ('refusal' in signed) return signed.refusal
  const verdict = publicKeys === undefined ? 'valid' : verifySignature(signed, publicKeys)
  if (verdict !== 'valid') return verdict
  // What was not given is left out here, and makes the verdict undecided below.
  const policy = {
    ...signed.policy,
    ...(request === undefined ? { resource: '*' } : {}),
    ...(clientIp === undefined ? { ipAddress: undefined } : {}),
  }
  if (checkPolicy(policy, { url: signed.url, now, clientIp: clientIp ?? '' }) !== undefined) return 'AccessDenied'
  const isUndecided =
    publicKeys === undefined ||
    request === undefined ||
    (clientIp === undefined && signed.policy.ipAddress !== undefined)
  return isUndecided ? 'undecided' : 'valid'
}
