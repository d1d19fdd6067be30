import type { CloudFrontErrorCode } from '../../../shared/cloudfront/errors.ts'
import { isPrefixPattern, matchesResource } from '../../../shared/cloudfront/resource-match.ts'
import { checkConditions, type DuplicateRule, readSignedRequest } from '../../../shared/cloudfront/signed-request.ts'
import type { SigningFields } from '../../../shared/cloudfront/signing-fields.ts'

/**
 * The part of CloudFront's signature check that depends on the time and the request, so that it is made for each of them: the
 * grammar of each field, dates and address, and `Resource` where that is a comparison of text. The verifier does the rest
 * (`local/cloudfront/signature-verifier.ts`), with a cache in between.
 *
 * Nothing here is verified yet, so everything here is linear: in njs a pattern with a wildcard inside could hold a worker for
 * minutes. Such a pattern is matched by the verifier, after its signature.
 *
 * This file runs in njs: no classes, spread, destructuring, default parameters.
 */

/** A refusal: CloudFront's code, and our finer reason for the `X-Edge-Signer-Reason` header. */
export interface SignatureRefusal {
  readonly code: CloudFrontErrorCode
  readonly reason: string
}

/** The parts of a request that the check reads. */
export interface SignatureSubject {
  /** `https://<host><path>`. */
  readonly url: string
  readonly querystring: string
  readonly cookieHeader: string
  readonly clientIp: string
  /** Epoch seconds. */
  readonly now: number
}

/** A request whose policy holds now and here; its signature is left to verify. */
export interface UnverifiedSignature {
  readonly fields: SigningFields
  /** The URL that the verifier has to match; `undefined` where it was matched here. */
  readonly unmatchedUrl: string | undefined
}

/** Reads the signature that came, and holds its policy against the request. */
export function readSignature(
  subject: SignatureSubject,
  duplicates: DuplicateRule,
): UnverifiedSignature | SignatureRefusal {
  const read = readSignedRequest(subject, duplicates)
  if ('refusal' in read) return { code: read.refusal, reason: `unreadable-${read.refusal}` }
  const fault = checkConditions(read.policy, subject)
  if (fault !== undefined) return { code: 'AccessDenied', reason: fault }
  const isMatchedHere = isPrefixPattern(read.policy.resource)
  if (isMatchedHere && !matchesResource(read.policy.resource, read.url))
    return { code: 'AccessDenied', reason: 'resource' }
  return { fields: read, unmatchedUrl: isMatchedHere ? undefined : read.url }
}
