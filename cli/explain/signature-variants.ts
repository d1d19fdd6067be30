import { constants, type KeyObject, verify } from 'node:crypto'
import { fromCloudFrontBase64, toCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import { cannedPolicy, type SignedRequest } from '../../shared/cloudfront/signed-request.ts'
import { verifySignature } from '../../shared/cloudfront/verify.ts'
import type { ParsedInput } from './input.ts'
import { fieldValue } from './signing-fields.ts'

type Signed = Pick<SignedRequest, 'policyJson' | 'signature' | 'keyPairId' | 'hashAlgorithm'>

/** Returns true if the signature is valid with these parts changed. Uses the emulation's own verifier. */
export function verifiesWith(input: ParsedInput, changes: Partial<Signed>): boolean {
  const { fields, policyJson, publicKeys } = input
  const signature = fieldValue(fields, 'Signature')
  const keyPairId = fieldValue(fields, 'Key-Pair-Id')
  if (publicKeys === undefined || signature === undefined || keyPairId === undefined || policyJson === undefined)
    return false
  const hashAlgorithm = fieldValue(fields, 'Hash-Algorithm') === 'SHA256' ? 'SHA256' : 'SHA1'
  return verifySignature({ policyJson, signature, keyPairId, hashAlgorithm, ...changes }, publicKeys) === 'valid'
}

/** Hashes that libraries use by default and CloudFront rejects. It accepts SHA-1 with RSA, without a marker. */
const otherHashes = { sha1: 'SHA-1', sha384: 'SHA-384', sha512: 'SHA-512' } as const

/** Returns the hash of a signature that the named key made with a hash that CloudFront rejects. */
export function otherHash({ fields, policyJson, publicKeys }: ParsedInput): string | undefined {
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

/** Returns true if the named RSA key made the signature with PSS padding, the default of some libraries. */
export function isPssSignature({ fields, policyJson, publicKeys }: ParsedInput): boolean {
  const key = publicKeys?.get(fieldValue(fields, 'Key-Pair-Id') ?? '')
  const signature = fromCloudFrontBase64(fieldValue(fields, 'Signature') ?? '')
  if (key?.asymmetricKeyType !== 'rsa' || signature === undefined || policyJson === undefined) return false
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const text = Buffer.from(policyJson, 'utf8')
  return ['sha256', 'sha1', 'sha384', 'sha512'].some((hash) => {
    return verify(hash, text, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_AUTO }, signature)
  })
}

/** A text that may have been signed instead of the right one, with the fault that this would be. */
export interface SignedTextVariant {
  readonly text: string
  readonly fault: string
  readonly detail: string
  readonly remedy: string
}

/** Returns the texts of the usual mistakes between signing and sending. */
export function signedTextVariants(input: ParsedInput): SignedTextVariant[] {
  const { policyJson, fields } = input
  if (policyJson === undefined) return []
  return fieldValue(fields, 'Policy') === undefined ? cannedVariants(input) : customVariants(policyJson)
}

function customVariants(json: string): SignedTextVariant[] {
  const reformatted = {
    fault: 'policy-reformatted',
    detail: 'the signature is over the same policy in another layout: white space was added or removed after signing',
    remedy: 'Sign and send the very same bytes. A shell adds a line break: printf, not echo.',
  }
  const layouts = [
    `${json}\n`,
    json.trim(),
    `${json.trim()}\n`,
    json.replace(/\s/g, ''),
    json.replace(/\//g, '\\/'),
    spaced(json),
    indented(json),
  ]
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

/** Formats like Python's json.dumps. */
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

/** CloudFront rebuilds a canned policy from the URL, so each change of the URL makes the signature wrong. */
function cannedVariants({ coveredUrl, request, fields, knownHosts, page }: ParsedInput): SignedTextVariant[] {
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
    ...wildcards(coveredUrl).flatMap((url) =>
      variant(
        url,
        'canned-over-wildcard',
        'the signature is over a canned policy for a URL with a wildcard, and a canned policy covers exactly one URL',
        'Sign a custom policy for the wildcard: the URL then has Policy instead of Expires (edge-signer sign-url --folder).',
      ),
    ),
    ...[cannedPolicy(coveredUrl, expires).replace(/\//g, '\\/'), spaced(cannedPolicy(coveredUrl, expires))].map(
      (text) => ({
        text,
        fault: 'canned-reformatted',
        detail: 'the signature is over the canned policy in another layout: with spaces, or with \\/ for /',
        remedy:
          'Sign the JSON without white space and without \\/ (PHP: JSON_UNESCAPED_SLASHES): CloudFront rebuilds it so.',
      }),
    ),
    ...variant(
      coveredUrl.toLowerCase(),
      'url-case-changed',
      'the signature is over the same URL in another case',
      'Sign the URL exactly as it is requested: paths are case-sensitive.',
    ),
    ...otherHosts(request.host, [...knownHosts, ...(page === undefined ? [] : [page.host])]).flatMap((host) =>
      variant(
        coveredUrl.replace(request.host, () => host),
        'signed-for-other-host',
        `the signature is over the URL on ${host}, and the request is for ${request.host}`,
        'Sign for the host name that viewers request. Set cdnHost.',
      ),
    ),
    ...[request.path, request.path.slice(1)].flatMap((path) =>
      variant(
        path,
        'signed-path-only',
        'the signature is over the path alone',
        'Sign the whole URL, with https:// and the host that viewers request.',
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

/** Other names that a signer may have used: those of the stages, with and without `www.`, and with a port. */
function otherHosts(host: string, known: readonly string[]): string[] {
  const bare = host.replace(/:\d+$/, '')
  const www = bare.startsWith('www.') ? bare.slice(4) : `www.${bare}`
  return [...new Set([...known, www, bare, `${bare}:443`, bare.toUpperCase()])].filter((name) => name !== host)
}

/** The URL with a `*` after each of its slashes, and at its end. */
function wildcards(url: string): string[] {
  const ends = [...url.matchAll(/(?<!\/)\/(?!\/)/g)].map(({ index }) => `${url.slice(0, index + 1)}*`)
  return [...ends, `${url}*`]
}

function decodeOr(url: string, decode: (text: string) => string): string {
  try {
    return decode(url)
  } catch {
    return url
  }
}
