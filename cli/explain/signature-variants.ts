import { type KeyObject, verify } from 'node:crypto'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import { cannedPolicy, type SignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'
import { fieldValue } from './signing-fields.ts'
import type { Subject } from './subject.ts'

type Signed = Pick<SignedRequest, 'policyJson' | 'signature' | 'keyPairId' | 'hashAlgorithm'>

/** Whether the signature would hold if these parts were other than they came. Uses the emulation's own verifier. */
export function verifiesWith(subject: Subject, changes: Partial<Signed>): boolean {
  const { fields, policyJson, publicKeys } = subject
  const signature = fieldValue(fields, 'Signature')
  const keyPairId = fieldValue(fields, 'Key-Pair-Id')
  if (publicKeys === undefined || signature === undefined || keyPairId === undefined || policyJson === undefined)
    return false
  const hashAlgorithm = fieldValue(fields, 'Hash-Algorithm') === 'SHA256' ? 'SHA256' : 'SHA1'
  return verifySignature({ policyJson, signature, keyPairId, hashAlgorithm, ...changes }, publicKeys) === 'valid'
}

/** What libraries sign with where nobody says SHA-256, and CloudFront does not take; RSA with SHA-1 it does, without a marker. */
const otherHashes = { sha1: 'SHA-1', sha384: 'SHA-384', sha512: 'SHA-512' } as const

/** The hash that the signature was made with, where it is that of the named key and of none that CloudFront takes with it. */
export function otherHash({ fields, policyJson, publicKeys }: Subject): string | undefined {
  const key = publicKeys?.get(fieldValue(fields, 'Key-Pair-Id') ?? '')
  const signature = fromCloudFrontBase64(fieldValue(fields, 'Signature') ?? '')
  if (key === undefined || signature === undefined || policyJson === undefined) return undefined
  const text = Buffer.from(policyJson, 'utf8')
  return Object.entries(otherHashes).find(([hash]) => isSignedWith(hash, text, key, signature))?.[1]
}

function isSignedWith(hash: string, text: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(hash, text, key, signature)
  } catch {
    return false
  }
}

/** A text that may have been signed in place of the right one, and what that would mean. */
export interface SignedTextVariant {
  readonly text: string
  readonly fault: string
  readonly detail: string
  readonly remedy: string
}

/** The usual slips between signing and sending. */
export function signedTextVariants(subject: Subject): SignedTextVariant[] {
  const { policyJson, fields } = subject
  if (policyJson === undefined) return []
  return fieldValue(fields, 'Policy') === undefined ? cannedVariants(subject) : customVariants(policyJson)
}

function customVariants(json: string): SignedTextVariant[] {
  const reformatted = {
    fault: 'policy-reformatted',
    detail: 'the signature is over the same policy in another layout: white space was added or removed after signing',
    remedy: 'Sign and send the very same bytes. A shell adds a line break: printf, not echo.',
  }
  const layouts = [`${json}\n`, json.trim(), `${json.trim()}\n`, json.replace(/\s/g, ''), spaced(json), indented(json)]
  return [
    ...layouts.map((text) => ({ ...reformatted, text })),
    {
      text: toCloudFrontBase64(json),
      fault: 'signed-encoded-policy',
      detail: 'the signature is over the base64 of the policy',
      remedy: 'Sign the JSON itself, then encode both.',
    },
    {
      text: Buffer.from(json, 'utf8').toString('base64'),
      fault: 'signed-encoded-policy',
      detail: 'the signature is over the base64 of the policy',
      remedy: 'Sign the JSON itself, then encode both.',
    },
  ]
}

/** As Python's json.dumps writes it. */
function spaced(json: string): string {
  return json.replace(/":/g, '": ').replace(/,"/g, ', "')
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    return json
  }
}

/** A canned policy is rebuilt from the URL, so each change of the URL shows up as a wrong signature. */
function cannedVariants({ coveredUrl, request, fields }: Subject): SignedTextVariant[] {
  const expires = Number(fieldValue(fields, 'Expires'))
  if (coveredUrl === undefined || request === undefined) return []
  const bare = request.signedUrl
  const variant = (url: string, fault: string, detail: string, remedy: string) =>
    url === coveredUrl ? [] : [{ text: cannedPolicy(url, expires), fault, detail, remedy }]
  const encodings = [decodeOr(coveredUrl, decodeURI), decodeOr(coveredUrl, decodeURIComponent), encodeURI(coveredUrl)]
  encodings.push(coveredUrl.replace(/%20/g, '+'), decodeOr(coveredUrl.replace(/\+/g, ' '), decodeURI))
  return [
    ...encodings.flatMap((url) =>
      variant(
        url,
        'url-encoded-after-signing',
        'the signature is over the same URL in another percent-encoding',
        'Encode path and query first, sign that URL, and send it unchanged.',
      ),
    ),
    ...variant(
      bare,
      'query-added-after-signing',
      'the signature is over the URL without its query string',
      'Sign the URL with its query string; a canned policy covers exactly one URL.',
    ),
    ...variant(
      coveredUrl.replace(/^https:/, 'http:'),
      'signed-for-http',
      'the signature is over the http:// URL',
      'Sign the https:// URL that viewers request.',
    ),
    ...variant(
      `${coveredUrl}?`,
      'query-added-after-signing',
      'the signature is over the URL with a lone ? at its end',
      'Sign the URL exactly as it is requested.',
    ),
  ]
}

function decodeOr(url: string, decode: (text: string) => string): string {
  try {
    return decode(url)
  } catch {
    return url
  }
}
