import { fromCloudFrontBase64, toCloudFrontBase64 } from './base64.ts'
import type { CloudFrontErrorCode } from './errors.ts'
import { type Policy, parsePolicy } from './parse-policy.ts'

export { checkPolicy, type PolicyFault, type PolicySubject } from './parse-policy.ts'

/**
 * Reading the signature of a request, from its URL or its cookies, as CloudFront does.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-choosing-signed-urls-cookies.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters; faults are values, not exceptions.
 */

/** A request with everything that a signature needs. Nothing in it is verified yet. */
export interface SignedRequest {
  readonly source: 'url' | 'cookies'
  /** The JSON that was signed, byte for byte. */
  readonly policyJson: string
  readonly policy: Policy
  /** In CloudFront's base64. */
  readonly signature: string
  readonly keyPairId: string
  /** `SHA1` where no marker came: that is how CloudFront verifies then. */
  readonly hashAlgorithm: 'SHA1' | 'SHA256'
  /** The URL that the policy must cover: without the parameters of the signature. */
  readonly url: string
  /** The query string of that URL; empty where nothing is left. */
  readonly querystring: string
}

/** A request that CloudFront would refuse before looking at a signature. */
export interface Refusal {
  readonly refusal: CloudFrontErrorCode
}

/**
 * Which of several cookies or parameters of one name counts. What CloudFront does is not documented, so `refuse` is the
 * rule of this project; the emulation offers the others.
 */
export type DuplicateRule = 'refuse' | 'first' | 'last'

/** What is read of a request. */
export interface SignedRequestSource {
  /** `https://<host><path>`, without a query string. */
  readonly url: string
  /** As sent, without `?`. */
  readonly querystring: string
  /** The `Cookie` header; empty where there is none. */
  readonly cookieHeader: string
}

type Fields = Record<string, string[] | undefined>

const names = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']

/**
 * Reads what a request claims, or why it cannot be verified.
 *
 * One signing parameter in the query makes it a signed URL: its cookies are ignored, even where the URL then lacks
 * something. A canned policy (`Expires` in place of `Policy`) is rebuilt from the URL.
 */
export function readSignedRequest(source: SignedRequestSource, duplicates: DuplicateRule): SignedRequest | Refusal {
  const query = splitQuery(source.querystring)
  const rest = query.rest.join('&')
  const url = rest === '' ? source.url : `${source.url}?${rest}`
  const fields = query.signed ? query.fields : cookieFields(source.cookieHeader)
  for (let i = 0; i < names.length; i++) {
    const values = fields[String(names[i])]
    if (values !== undefined && values.length > 1 && duplicates === 'refuse') return { refusal: 'AccessDenied' }
  }

  const keyPairId = pick(fields, 'Key-Pair-Id', duplicates)
  if (keyPairId === undefined || keyPairId === '') return { refusal: 'MissingKey' }
  const policyJson = readPolicyJson(pick(fields, 'Policy', duplicates), pick(fields, 'Expires', duplicates), url)
  const policy = policyJson === undefined ? undefined : parsePolicy(policyJson)
  if (policyJson === undefined || policy === undefined) return { refusal: 'MalformedPolicy' }
  const signature = pick(fields, 'Signature', duplicates)
  if (signature === undefined || fromCloudFrontBase64(signature) === undefined) return { refusal: 'MalformedSignature' }
  const marker = pick(fields, 'Hash-Algorithm', duplicates)
  if (marker !== undefined && marker !== 'SHA1' && marker !== 'SHA256') return { refusal: 'AccessDenied' }
  return {
    source: query.signed ? 'url' : 'cookies',
    policyJson: policyJson,
    policy: policy,
    signature: signature,
    keyPairId: keyPairId,
    hashAlgorithm: marker === 'SHA256' ? 'SHA256' : 'SHA1',
    url: url,
    querystring: rest,
  }
}

/** Whether the query makes the request one by signed URL. */
export function isSignedUrl(querystring: string): boolean {
  return splitQuery(querystring).signed
}

/** The canned policy of a URL: the one that CloudFront rebuilds where a request carries `Expires` alone. */
export function cannedPolicy(url: string, expires: number): string {
  return JSON.stringify({ Statement: [{ Resource: url, Condition: { DateLessThan: { 'AWS:EpochTime': expires } } }] })
}

/** Both or neither is a fault: nobody has documented which would count. */
function readPolicyJson(policy: string | undefined, expires: string | undefined, url: string): string | undefined {
  if (policy !== undefined && expires !== undefined) return undefined
  if (policy !== undefined) {
    const bytes = fromCloudFrontBase64(policy)
    if (bytes === undefined) return undefined
    const json = bytes.toString('utf8')
    // Bytes that are not UTF-8 would be replaced, and something else would be read than what was signed.
    return toCloudFrontBase64(json) === policy ? json : undefined
  }
  if (expires === undefined || !/^[1-9][0-9]{0,14}$/.test(expires)) return undefined
  return cannedPolicy(url, Number(expires))
}

function pick(fields: Fields, name: string, duplicates: DuplicateRule): string | undefined {
  const values = fields[name]
  if (values === undefined) return undefined
  return duplicates === 'last' ? values[values.length - 1] : values[0]
}

function splitQuery(querystring: string): { signed: boolean; fields: Fields; rest: string[] } {
  const fields: Fields = {}
  const rest: string[] = []
  let signed = false
  const parts = querystring === '' ? [] : querystring.split('&')
  for (let i = 0; i < parts.length; i++) {
    const part = String(parts[i])
    const equals = part.indexOf('=')
    const name = equals < 0 ? part : part.slice(0, equals)
    if (names.indexOf(name) < 0) {
      rest.push(part)
    } else {
      signed = true
      add(fields, name, percentDecode(equals < 0 ? '' : part.slice(equals + 1)))
    }
  }
  return { signed: signed, fields: fields, rest: rest }
}

/** The `CloudFront-*` cookies (RFC 6265 section 4.2.1), under the names that a URL has for them. Names are case-sensitive. */
function cookieFields(cookieHeader: string): Fields {
  const fields: Fields = {}
  const pairs = cookieHeader.split(';')
  for (let i = 0; i < pairs.length; i++) {
    const pair = String(pairs[i]).trim()
    const equals = pair.indexOf('=')
    const name = equals < 0 ? '' : pair.slice(0, equals)
    if (name.slice(0, 11) === 'CloudFront-' && names.indexOf(name.slice(11)) >= 0) {
      add(fields, name.slice(11), pair.slice(equals + 1))
    }
  }
  return fields
}

function add(fields: Fields, name: string, value: string): void {
  const values = fields[name]
  if (values === undefined) fields[name] = [value]
  else values.push(value)
}

/** Some clients escape the `~` of CloudFront's base64. Left as sent where the escapes are broken; then nothing matches. */
function percentDecode(value: string): string {
  if (value.indexOf('%') < 0) return value
  try {
    return decodeURIComponent(value)
  } catch (_broken) {
    return value
  }
}
