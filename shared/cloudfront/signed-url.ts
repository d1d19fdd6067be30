import { EdgeSignerError } from '../errors.ts'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { cdnOrigin, customPolicy, type PolicyConditions, resourcePolicy } from './policy.ts'
import { isSignedUrl } from './signed-request.ts'
import type { PolicySigner, SignedPolicy } from './signer.ts'

/** A signature for everything below a prefix. */
export interface SignedFolder {
  /** `https://<host><prefix>`; a file's encoded path goes behind it. */
  readonly baseUrl: string
  /** The query string, without `?`, that opens each of those URLs. */
  readonly querystring: string
}

/**
 * Signs one URL: the policy covers that URL with its query string and, but for `?` as a wildcard, nothing else.
 *
 * @param url `https://…`, with its path and query already percent-encoded; it is signed and returned as given.
 * @param canned sends `Expires` in place of the policy, which CloudFront rebuilds from the URL. Takes no other condition.
 * @throws EdgeSignerError `ERR_INTERNAL` for a URL with a wildcard `*`, a fragment, white space or characters outside of
 *   ASCII, or with signing parameters of its own; GrantError `ERR_VIEWER_ADDRESS`; what the signer throws.
 */
export async function signUrl(
  url: string,
  conditions: PolicyConditions,
  signer: PolicySigner,
  canned = false,
): Promise<string> {
  return signedUrl(url, await signer.sign(urlPolicy(url, conditions, canned)), conditions, canned)
}

/** Signs many URLs with the same conditions, in their order. @throws like `signUrl`; none is signed then. */
export async function signUrls(
  urls: readonly string[],
  conditions: PolicyConditions,
  signer: PolicySigner,
  canned = false,
): Promise<string[]> {
  const signed = await signer.signAll(urls.map((url) => urlPolicy(url, conditions, canned)))
  return urls.map((url, index) => signedUrl(url, signed[index] as SignedPolicy, conditions, canned))
}

function urlPolicy(url: string, conditions: PolicyConditions, canned: boolean): string {
  // A `*` in a Resource would cover other files. In a path or a query it can always be written %2A.
  if (!/^https:\/\/[^/?#*]+\/[!-~]*$/.test(url) || /[*#"\\<>]/.test(url)) throw invalid()
  const question = url.indexOf('?')
  if (question >= 0 && isSignedUrl(url.slice(question + 1))) throw invalid()
  if (canned && (conditions.notBefore !== undefined || conditions.ipAddress !== undefined)) throw invalid()
  return resourcePolicy(url, conditions)
}

function signedUrl(url: string, signed: SignedPolicy, { expires }: PolicyConditions, canned: boolean): string {
  return `${url}${url.includes('?') ? '&' : '?'}${canned ? cannedQuery(expires, signed) : signedQuery(signed)}`
}

/**
 * Signs a whole prefix for use in URLs: one policy with a wildcard, one query string for every file below it.
 *
 * @throws what `customPolicy` and the signer throw.
 */
export async function signFolder(
  folder: {
    readonly host: string
    readonly prefix: ResourcePrefix
    readonly notBefore: number | undefined
  } & PolicyConditions,
  signer: PolicySigner,
): Promise<SignedFolder> {
  const querystring = signedQuery(await signer.sign(customPolicy(folder)))
  return { baseUrl: `${cdnOrigin(folder.host)}${folder.prefix}`, querystring }
}

/** The parameters of a signed URL. Their values need no escaping: that is what CloudFront's base64 is for. */
export function signedQuery(signed: SignedPolicy): string {
  return `Policy=${signed.policy}${signatureQuery(signed)}`
}

function cannedQuery(expires: number, signed: SignedPolicy): string {
  return `Expires=${expires}${signatureQuery(signed)}`
}

function signatureQuery({ keyPairId, signature, hashAlgorithm }: SignedPolicy): string {
  const marker = hashAlgorithm === undefined ? '' : `&Hash-Algorithm=${hashAlgorithm}`
  return `&Key-Pair-Id=${keyPairId}&Signature=${signature}${marker}`
}

function invalid(): EdgeSignerError {
  return new EdgeSignerError('ERR_INTERNAL', 'a URL to sign must be absolute, encoded, unsigned and without *')
}
