import { toCloudFrontBase64 } from './base64.ts'
import { isCookieResource } from './parse-policy.ts'
import { parseSigningFields, type Refusal, type SigningFields, signingParameters } from './signing-fields.ts'

export { checkConditions, checkPolicy, type PolicyFault, type PolicySubject } from './parse-policy.ts'

/**
 * Reading the signature of a request, from its URL or its cookies, as CloudFront does.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-choosing-signed-urls-cookies.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters; faults are values, not exceptions.
 */

/** A request with everything that a signature needs. Nothing in it is verified yet. */
export interface SignedRequest extends SigningFields {
  readonly source: 'url' | 'cookies'
  /** The URL that the policy must cover: without the parameters of the signature. */
  readonly url: string
  /** The query string of that URL; empty where nothing is left. */
  readonly querystring: string
}

/**
 * Which of several cookies or parameters of one name counts. What CloudFront does is not documented, so `refuse` is the
 * rule of this project; the emulation offers the others.
 */
export type DuplicateRule = 'refuse' | 'first' | 'last'

/** The parts of a request that are read. */
export interface SignedRequestSource {
  /** `https://<host><path>`, without a query string. */
  readonly url: string
  /** As sent, without `?`. */
  readonly querystring: string
  /** The `Cookie` header; empty where there is none. */
  readonly cookieHeader: string
}

const names: readonly string[] = signingParameters

/** The value of each name, in the order of `names`: names from outside are never keys of an object. */
interface Values {
  readonly list: (string | undefined)[]
  /** True if a name came more than once. */
  repeated: boolean
}

/**
 * Reads what a request claims, or why it cannot be verified.
 *
 * One signing parameter in the query makes it a signed URL: its cookies are ignored, even where the URL then lacks
 * something. A canned policy (`Expires` in place of `Policy`) is rebuilt from the URL.
 */
export function readSignedRequest(source: SignedRequestSource, duplicates: DuplicateRule): SignedRequest | Refusal {
  const query = splitQuery(source.querystring, duplicates)
  const rest = query.rest
  const url = rest === '' ? source.url : `${source.url}?${rest}`
  const values = query.values === undefined ? cookieValues(source.cookieHeader, duplicates) : query.values
  if (values.repeated && duplicates === 'refuse') return { refusal: 'AccessDenied' }
  const list = values.list
  const fields = parseSigningFields({
    policy: policyOf(list[1], list[0], url),
    signature: list[2],
    keyPairId: list[3],
    hashAlgorithm: list[4],
  })
  if ('refusal' in fields) return fields
  if (query.values === undefined && !isCookieResource(fields.policy.resource)) return { refusal: 'MalformedPolicy' }
  return {
    source: query.values === undefined ? 'cookies' : 'url',
    keyPairId: fields.keyPairId,
    hashAlgorithm: fields.hashAlgorithm,
    signature: fields.signature,
    encodedPolicy: fields.encodedPolicy,
    policyJson: fields.policyJson,
    policy: fields.policy,
    url: url,
    querystring: rest,
  }
}

/** Returns true if the query makes the request one by signed URL. */
export function isSignedUrl(querystring: string): boolean {
  return splitQuery(querystring, 'refuse').values !== undefined
}

/** The canned policy of a URL: the one that CloudFront rebuilds where a request carries `Expires` alone. */
export function cannedPolicy(url: string, expires: number): string {
  return JSON.stringify({ Statement: [{ Resource: url, Condition: { DateLessThan: { 'AWS:EpochTime': expires } } }] })
}

/** Both or neither is a fault: nobody has documented which would count. */
function policyOf(policy: string | undefined, expires: string | undefined, url: string): string | undefined {
  if (expires === undefined) return policy
  if (policy !== undefined || !/^[1-9][0-9]{0,9}$(?!\n)/.test(expires)) return undefined
  return toCloudFrontBase64(cannedPolicy(url, Number(expires)))
}

/** `values` is `undefined` where no name is one of a signed URL. */
function splitQuery(querystring: string, duplicates: DuplicateRule): { values: Values | undefined; rest: string } {
  if (querystring === '') return { values: undefined, rest: '' }
  const rest: string[] = []
  let values: Values | undefined
  const parts = querystring.split('&')
  for (let i = 0; i < parts.length; i++) {
    const part = String(parts[i])
    const equals = part.indexOf('=')
    const index = names.indexOf(equals < 0 ? part : part.slice(0, equals))
    if (index < 0) {
      rest.push(part)
    } else {
      if (values === undefined) values = noValues()
      put(values, index, percentDecode(equals < 0 ? '' : part.slice(equals + 1)), duplicates)
    }
  }
  return { values: values, rest: rest.join('&') }
}

/**
 * The `CloudFront-*` cookies (RFC 6265 section 4.2.1). Names are case-sensitive. One expression finds them all: splitting the
 * header and trimming each pair takes njs three times as long. Values are cut out of the header itself: what an expression
 * captures from bytes that are not UTF-8, njs 0.7 takes for ASCII, and fails at the next expression.
 */
function cookieValues(cookieHeader: string, duplicates: DuplicateRule): Values {
  const values = noValues()
  const pair = /(?:^|;)[ \t]*CloudFront-([A-Za-z-]+)=([^;]*)/g
  for (let found = pair.exec(cookieHeader); found !== null; found = pair.exec(cookieHeader)) {
    const index = names.indexOf(found[1] as string)
    if (index < 0) continue
    const start = pair.lastIndex - (found[2] as string).length
    put(values, index, cookieHeader.slice(start, endOfText(cookieHeader, start, pair.lastIndex)), duplicates)
  }
  return values
}

/** The end of a part of `text` without the spaces and tabs that it ends with. */
function endOfText(text: string, start: number, end: number): number {
  let last = end
  while (last > start && (text.charCodeAt(last - 1) === 0x20 || text.charCodeAt(last - 1) === 0x09)) last -= 1
  return last
}

function noValues(): Values {
  return { list: [undefined, undefined, undefined, undefined, undefined], repeated: false }
}

function put(values: Values, index: number, value: string, duplicates: DuplicateRule): void {
  const isFirst = values.list[index] === undefined
  if (!isFirst) values.repeated = true
  if (isFirst || duplicates === 'last') values.list[index] = value
}

/** Some clients escape the `~` of CloudFront's base64. Left as sent where the escapes are broken; then no grammar takes it. */
function percentDecode(value: string): string {
  if (value.indexOf('%') < 0) return value
  try {
    return decodeURIComponent(value)
  } catch (_broken) {
    return value
  }
}
