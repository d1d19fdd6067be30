import type { KeyObject } from 'node:crypto'
import { fromCloudFrontBase64 } from '../../shared/cloudfront/base64.ts'
import { type Policy, parsePolicy } from '../../shared/cloudfront/parse-policy.ts'
import { cannedPolicy } from '../../shared/cloudfront/signed-request.ts'
import type { HttpAnswer } from '../input/http-answer.ts'
import type { StoredCookie } from '../input/netscape-jar.ts'
import type { RequestUrl } from '../input/request-url.ts'
import type { AnswerSource } from './answer-source.ts'
import { answeredBy } from './answered-by.ts'
import { type CookieDelivery, deliverCookies } from './cookie-delivery.ts'
import { type PathKind, pathKind } from './path-kind.ts'
import { fieldValue, readSigningFields, type SigningFields } from './signing-fields.ts'

/** Everything that was handed to `explain`. What is `undefined` was not given. */
export interface Evidence {
  /** The requested URL, with its query string. */
  readonly request: RequestUrl | undefined
  /** The prefixes whose files need a signature, with the slash at their end. */
  readonly privatePaths: readonly string[]
  /** The `Cookie` header as it was sent. */
  readonly cookieHeader: string | undefined
  /** What a browser holds; it decides itself what to send. */
  readonly stored: readonly StoredCookie[] | undefined
  /** The page that asked, and whether it was a navigation. */
  readonly page: RequestUrl | undefined
  readonly navigation: boolean
  /** Epoch seconds at which the request is judged. */
  readonly now: number
  readonly clientIp: string | undefined
  /** The key group's public keys by key pair id. */
  readonly publicKeys: ReadonlyMap<string, KeyObject> | undefined
  /** Of the key document; its characters are the HMAC key of stamps. */
  readonly stampKey: string | undefined
  readonly revocations: RevocationLookup | undefined
  readonly answer: HttpAnswer | undefined
}

/** Looks a prefix up as the guard does: epoch seconds up to which its stamps are refused. */
export type RevocationLookup = (prefix: string) => number | undefined

/** The evidence, read once. Everything in it is unverified. */
export interface Subject extends Evidence {
  readonly delivery: CookieDelivery | undefined
  /** What reaches CloudFront; empty where no cookie does. */
  readonly sentCookies: string
  readonly fields: SigningFields
  /** The URL that a policy must cover: without the parameters of the signature. */
  readonly coveredUrl: string | undefined
  /** The text that was signed, where it can be read. */
  readonly policyJson: string | undefined
  readonly policy: Policy | undefined
  /** `private` also where no URL was given: what needs no signature has to be known for that. */
  readonly pathKind: PathKind
  readonly answeredBy: AnswerSource | undefined
}

/** Reads the evidence. Never throws: what cannot be read is `undefined`, and a check says so. */
export function readSubject(evidence: Evidence): Subject {
  const { request, stored, page, navigation, now } = evidence
  const delivery = stored && request ? deliverCookies(stored, { request, now, page, navigation }) : undefined
  // Without a URL every stored cookie is looked at.
  const cookies = (delivery?.sent ?? stored ?? []).map(({ name, value }) => `${name}=${value}`)
  const sentCookies = [...(evidence.cookieHeader ? [evidence.cookieHeader] : []), ...cookies].join('; ')
  const fields = readSigningFields(request?.querystring ?? '', sentCookies)
  const coveredUrl = request && urlWithoutSignature(request)
  const policyJson = readPolicyText(fields, coveredUrl)
  const kind = request === undefined ? 'private' : pathKind(request.path, evidence.privatePaths)
  return {
    ...evidence,
    delivery,
    sentCookies,
    fields,
    coveredUrl,
    policyJson,
    policy: policyJson === undefined ? undefined : parsePolicy(policyJson),
    pathKind: kind,
    answeredBy: answeredBy(evidence.answer, kind),
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
