import type { CloudFrontErrorCode } from '../../shared/cloudfront/errors.ts'
import {
  checkPolicy,
  type DuplicateRule,
  readSignedRequest,
  type SignedRequest,
} from '../../shared/cloudfront/signed-request.ts'

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
  readonly signed: SignedRequest
}

/** Reads the signature that came, and holds its policy against the request. */
export function checkSignature(subject: SignatureSubject, duplicates: DuplicateRule): CoveredRequest | Refusal {
  const read = readSignedRequest(subject, duplicates)
  if ('refusal' in read) return { code: read.refusal, reason: `unreadable-${read.refusal}` }
  const fault = checkPolicy(read.policy, { url: read.url, now: subject.now, clientIp: subject.clientIp })
  return fault === undefined ? { signed: read } : { code: 'AccessDenied', reason: fault }
}

/** The signature's fields as the headers of the question to the verifier. */
export function verifierQuestion(signed: SignedRequest): string {
  const policy = Buffer.from(signed.policyJson, 'utf8').toString('base64')
  return `${signed.keyPairId} ${signed.hashAlgorithm} ${signed.signature} ${policy}`
}
