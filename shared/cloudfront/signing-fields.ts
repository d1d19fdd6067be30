import { fromCloudFrontBase64, isCloudFrontBase64 } from './base64.ts'
import type { CloudFrontErrorCode } from './errors.ts'
import { type Policy, parsePolicy } from './parse-policy.ts'

/**
 * The parts of a signature, each with one grammar. Every process that a signature passes through reads it here, so what one of
 * them accepts is what the next one sees: a space, a line feed or a separator is part of none.
 *
 * This file also runs in njs and as a CloudFront Function: no classes, spread, destructuring, default parameters; faults are values, not exceptions. In njs
 * `$` also matches before a line feed at the end, so it is written `$(?!\n)`.
 */

/** The parts as text, from cookies, a query string or headers. Nothing is checked. */
export interface UnparsedSigningFields {
  readonly keyPairId: string | undefined
  readonly hashAlgorithm: string | undefined
  readonly signature: string | undefined
  readonly policy: string | undefined
}

/** The parts of a signature, well-formed. Nothing in them is verified. */
export interface SigningFields {
  /** 1 to 64 capital letters and digits. */
  readonly keyPairId: string
  /** `SHA1` where no marker came: that is how CloudFront verifies then. */
  readonly hashAlgorithm: 'SHA1' | 'SHA256'
  /** CloudFront's base64, at most `maxSignatureLength` characters. */
  readonly signature: string
  /** CloudFront's base64, at most `maxPolicyLength` characters. */
  readonly encodedPolicy: string
  /** The JSON that was signed, byte for byte. */
  readonly policyJson: string
  readonly policy: Policy
}

/** A request that CloudFront would refuse before looking at a signature. */
export interface Refusal {
  readonly refusal: CloudFrontErrorCode
}

/** Room for RSA-4096, and RSA-2048 is the largest that CloudFront knows. */
export const maxSignatureLength = 1024

/** Room for a policy whose `Resource` is the longest URL that CloudFront takes. */
export const maxPolicyLength = 12_288

/** Reads the parts of a signature, or why CloudFront would refuse them. Linear in their length. */
export function parseSigningFields(fields: UnparsedSigningFields): SigningFields | Refusal {
  const keyPairId = fields.keyPairId
  if (keyPairId === undefined || keyPairId === '') return { refusal: 'MissingKey' }
  if (!/^[A-Z0-9]{1,64}$(?!\n)/.test(keyPairId)) return { refusal: 'InvalidKey' }
  const encodedPolicy = fields.policy
  const policyJson = decodePolicy(encodedPolicy)
  const policy = policyJson === undefined ? undefined : parsePolicy(policyJson)
  if (encodedPolicy === undefined || policyJson === undefined || policy === undefined)
    return { refusal: 'MalformedPolicy' }
  const signature = fields.signature
  if (signature === undefined || signature.length > maxSignatureLength || !isCloudFrontBase64(signature))
    return { refusal: 'MalformedSignature' }
  const marker = fields.hashAlgorithm
  if (marker !== undefined && marker !== 'SHA1' && marker !== 'SHA256') return { refusal: 'AccessDenied' }
  return {
    keyPairId: keyPairId,
    hashAlgorithm: marker === undefined ? 'SHA1' : marker,
    signature: signature,
    encodedPolicy: encodedPolicy,
    policyJson: policyJson,
    policy: policy,
  }
}

/** Decodes a policy. Bytes that are not UTF-8 would be replaced, and something else would be read than what was signed. */
function decodePolicy(encoded: string | undefined): string | undefined {
  if (encoded === undefined || encoded.length > maxPolicyLength) return undefined
  const bytes = fromCloudFrontBase64(encoded)
  const json = bytes === undefined ? undefined : bytes.toString('utf8')
  return json === undefined || json.indexOf('\ufffd') >= 0 ? undefined : json
}

/**
 * The names that a signature travels under.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-choosing-signed-urls-cookies.html
 *
 * The parameters that make a URL a signed one. A cookie has the same names with `CloudFront-` before them.
 */
export const signingParameters = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm'] as const

/** The cookie with the time stamp of a mint, which the guard reads for revocation. */
export const stampCookieName = 'edge-issued'
