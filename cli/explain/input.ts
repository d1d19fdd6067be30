import type { KeyObject } from 'node:crypto'
import { fromCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import { type Policy, parsePolicy } from '../../shared/cloudfront/parse-policy.ts'
import { cannedPolicy } from '../../shared/cloudfront/signed-request.ts'
import type { ReadRules } from '../../shared/read/read-rules.ts'
import type { HttpAnswer } from '../input/http-answer.ts'
import type { RequestUrl } from '../input/request-url.ts'
import type { StoredCookie } from '../input/stored-cookies.ts'
import { type AnswerSource, answeredBy } from './answered-by.ts'
import { type CookieDelivery, deliverCookies } from './cookie-delivery.ts'
import { type PathKind, pathKind } from './path-kind.ts'
import { fieldValue, readSigningFields, type SigningFields } from './signing-fields.ts'

/** Everything given to `explain`. A member is `undefined` if its option was not used. */
export interface ExplainInput {
  /** The requested URL, with its query string. */
  readonly request: RequestUrl | undefined
  /** Prefixes whose files need a signature, each with a trailing slash. */
  readonly privatePaths: readonly string[]
  /** Host names of the stages and their buckets, for which a URL may have been signed by mistake. */
  readonly knownHosts: readonly string[]
  /** Depths of the grants' prefixes, as in `ReadRules`. */
  readonly prefixDepths: ReadRules['depths']
  /** The `Cookie` header as it was sent. */
  readonly cookieHeader: string | undefined
  /** The cookies that a browser stores; `deliverCookies` decides which of them it sends. */
  readonly stored: readonly StoredCookie[] | undefined
  /** The page that made the request. */
  readonly page: RequestUrl | undefined
  /** True if the request was a navigation, which `SameSite=Lax` allows. */
  readonly navigation: boolean
  /** Time at which the request is judged, in epoch seconds. */
  readonly now: number
  readonly clientIp: string | undefined
  /** Public keys of the key group by key pair id. */
  readonly publicKeys: ReadonlyMap<string, KeyObject> | undefined
  /** Stamp key of the key document; its characters are the HMAC key. */
  readonly stampKey: string | undefined
  readonly revocations: RevocationLookup | undefined
  readonly answer: HttpAnswer | undefined
}

/** Looks a prefix up as the guard does. Returns the epoch second up to which its stamps are refused. */
export type RevocationLookup = (prefix: string) => number | undefined

/** The input, parsed once for all checks. Nothing in it is verified. */
export interface ParsedInput extends ExplainInput {
  readonly delivery: CookieDelivery | undefined
  /** `Cookie` header that reaches CloudFront; empty if no cookie does. */
  readonly sentCookies: string
  readonly fields: SigningFields
  /** The URL that a policy must cover: the requested one without the parameters of the signature. */
  readonly coveredUrl: string | undefined
  /** The text that was signed, if it can be decoded. */
  readonly policyJson: string | undefined
  readonly policy: Policy | undefined
  /** `private` if no URL was given, because only a known path can be exempt from signatures. */
  readonly pathKind: PathKind
  readonly answeredBy: AnswerSource | undefined
}

/** Parses the input. Never throws: an unreadable part becomes `undefined`, which a check reports. */
export function parseInput(input: ExplainInput): ParsedInput {
  const { request, stored, page, navigation, now } = input
  const delivery = stored && request ? deliverCookies(stored, { request, now, page, navigation }) : undefined
  // Without a URL, all stored cookies are examined.
  const cookies = (delivery?.sent ?? stored ?? []).map(({ name, value }) => `${name}=${value}`)
  const sentCookies = [...(input.cookieHeader ? [input.cookieHeader] : []), ...cookies].join('; ')
  const fields = readSigningFields(request?.querystring ?? '', sentCookies)
  const coveredUrl = request && urlWithoutSignature(request)
  const policyJson = readPolicyText(fields, coveredUrl)
  const kind = request === undefined ? 'private' : pathKind(request.path, input.privatePaths)
  return {
    ...input,
    delivery,
    sentCookies,
    fields,
    coveredUrl,
    policyJson,
    policy: policyJson === undefined ? undefined : parsePolicy(policyJson),
    pathKind: kind,
    answeredBy: answeredBy(input.answer, kind),
  }
}

function urlWithoutSignature(request: RequestUrl): string {
  const rest = request.querystring.split('&').filter((part) => readSigningFields(part, '').source === 'cookies')
  return rest.join('&') === '' ? request.signedUrl : `${request.signedUrl}?${rest.join('&')}`
}

function readPolicyText(fields: SigningFields, coveredUrl: string | undefined): string | undefined {
  const policy = fieldValue(fields, 'Policy')
  if (policy !== undefined) return fromCloudFrontBase64(policy)?.toString('utf8')
  const expires = fieldValue(fields, 'Expires')
  return expires !== undefined && coveredUrl !== undefined && /^[1-9][0-9]{0,14}$/.test(expires)
    ? cannedPolicy(coveredUrl, Number(expires))
    : undefined
}
