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
  const fault = checkPolicy(policy, { url: url, now: subject.now, clientIp: subject.clientIp })
  return fault === undefined ? { question: question } : { code: 'AccessDenied', reason: fault }
}

/** The cookies of a custom policy without a query string; `undefined` leaves the request to the strict reader. */
function readPlainCookies(subject: SignatureSubject): { policy: Policy; question: string } | undefined {
  if (subject.querystring !== '') return undefined
  const header = subject.cookieHeader
  const encoded = onlyCookie(header, 'CloudFront-Policy')
  const signature = onlyCookie(header, 'CloudFront-Signature')
  const keyPairId = onlyCookie(header, 'CloudFront-Key-Pair-Id')
  if (encoded === undefined || signature === undefined || keyPairId === undefined) return undefined
  if (header.indexOf('CloudFront-Expires') >= 0 || onlyCookie(header, 'CloudFront-Hash-Algorithm') !== 'SHA256') {
    return undefined
  }
  const policy = parsePolicy(decodePolicy(encoded))
  return policy === undefined ? undefined : { policy: policy, question: `${keyPairId} SHA256 ${signature} ${encoded}` }
}

/** The value of a cookie whose name is in the header exactly once, and has a plain value. */
function onlyCookie(header: string, name: string): string | undefined {
  const start = header.indexOf(`${name}=`)
  if (start < 0 || header.indexOf(name, start + 1) >= 0) return undefined
  if (start > 0 && header.charAt(start - 1) !== ' ' && header.charAt(start - 1) !== ';') return undefined
  const from = start + name.length + 1
  const end = header.indexOf(';', from)
  const value = end < 0 ? header.slice(from) : header.slice(from, end)
  return value === '' || value.indexOf(' ') >= 0 ? undefined : value
}

/** Not strict: what is no canonical base64 is refused by the verifier. */
function decodePolicy(encoded: string): string {
  const standard = encoded.replace(/[-_~]/g, (c) => (c === '-' ? '+' : c === '~' ? '/' : '='))
  return Buffer.from(standard, 'base64').toString()
}
