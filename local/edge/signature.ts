import { toCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import { type Policy, parsePolicy } from '../../shared/cloudfront/parse-policy.ts'
import { checkPolicy, type DuplicateRule, readSignedRequest } from '../../shared/cloudfront/signed-request.ts'

/**
 * The part of CloudFront's signature check that depends on the time and the URL, so that it is made anew for each request.
 * Whether the signature itself is right is asked of the verifier afterwards, with a cache in between.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** A refusal: CloudFront's code, and our finer reason for the `X-Edge-Signer-Reason` header. */
export interface Refusal {
  readonly code: CloudFrontErrorCode
  readonly reason: string
}

/** What of the request the check reads. */
export interface SignatureSubject {
  /** `https://<host><path>`. */
  readonly url: string
  readonly querystring: string
  readonly cookieHeader: string
  /** Where each of the cookies is there once, and `CloudFront-Hash-Algorithm` is SHA256: found by nginx, far faster than njs. */
  readonly plainCookies: { readonly policy: string; readonly signature: string; readonly keyPairId: string } | undefined
  readonly clientIp: string
  /** Epoch seconds. */
  readonly now: number
}

/** A request whose policy covers it; only the signature is left to verify. */
export interface CoveredRequest {
  /** For the verifier: `<key pair id> <hash> <signature> <policy>`, the last two in CloudFront's base64. */
  readonly question: string
}

/**
 * Reads the signature that came, and holds its policy against the request.
 *
 * Cookies that are all there once, which is nearly every request, are read without the strict checks of their encoding: the
 * verifier makes those, once for each set of cookies. Everything else is read strictly here, which also names what is wrong.
 */
export function checkSignature(subject: SignatureSubject, duplicates: DuplicateRule): CoveredRequest | Refusal {
  const plain = readPlainCookies(subject)
  if (plain !== undefined) return holdPolicy(plain.policy, subject.url, subject, plain.question)
  const read = readSignedRequest(subject, duplicates)
  if ('refusal' in read) return { code: read.refusal, reason: `unreadable-${read.refusal}` }
  const question = `${read.keyPairId} ${read.hashAlgorithm} ${read.signature} ${toCloudFrontBase64(read.policyJson)}`
  return holdPolicy(read.policy, read.url, subject, question)
}

function holdPolicy(
  policy: Policy,
  url: string,
  subject: SignatureSubject,
  question: string,
): CoveredRequest | Refusal {
  const request = { url: url, now: subject.now, clientIp: subject.clientIp }
  const fault = checkPolicy(plainPrefix(policy, url), request)
  return fault === undefined ? { question: question } : { code: 'AccessDenied', reason: fault }
}

/**
 * A resource whose one wildcard is the `*` at its end, and that the URL starts with, as the shortest pattern that matches:
 * comparing texts is an order of magnitude cheaper in njs than matching them. Anything else stays as it is.
 */
function plainPrefix(policy: Policy, url: string): Policy {
  const end = policy.resource.length - 1
  const isPlain = policy.resource.indexOf('*') === end && policy.resource.indexOf('?') < 0
  if (!isPlain || url.slice(0, end) !== policy.resource.slice(0, end)) return policy
  return { resource: '*', expires: policy.expires, notBefore: policy.notBefore, ipAddress: policy.ipAddress }
}

/** The cookies of a custom policy without a query string; `undefined` leaves the request to the strict reader. */
function readPlainCookies(subject: SignatureSubject): { policy: Policy; question: string } | undefined {
  const plain = subject.plainCookies
  if (subject.querystring !== '' || plain === undefined) return undefined
  const policy = parsePolicy(decodePolicy(plain.policy))
  if (policy === undefined) return undefined
  return { policy: policy, question: `${plain.keyPairId} SHA256 ${plain.signature} ${plain.policy}` }
}

/** Not strict: what is no canonical base64 is refused by the verifier. */
function decodePolicy(encoded: string): string {
  const standard = encoded.replace(/[-_~]/g, (c) => (c === '-' ? '+' : c === '~' ? '/' : '='))
  return Buffer.from(standard, 'base64').toString()
}
