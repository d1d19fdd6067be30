import { EdgeSignerError, GrantError, RequestError } from '../errors.ts'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { parseIpv4 } from './ipv4.ts'

export { type Policy, parsePolicy } from './parse-policy.ts'

/** When and from where a policy holds. Times in epoch seconds. */
export interface PolicyConditions {
  /** `DateLessThan`. */
  readonly expires: number
  /** `DateGreaterThan`; left out, the policy holds at once. */
  readonly notBefore?: number | undefined
  /** The one IPv4 address that may use it. */
  readonly ipAddress?: string | undefined
}

/** A lower-case host name with an optional port. No wildcard: that would sign for other distributions with the same key. */
const host = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$/

/**
 * The policy for everything below a prefix: `Resource` is `https://<host><prefix>*`, also where the emulation serves http.
 *
 * The JSON is byte-stable: the same arguments give the same bytes, in AWS's own order of fields and without white space.
 *
 * @throws RequestError `ERR_HOST_UNKNOWN` where the host could not stand in a policy.
 * @throws GrantError `ERR_VIEWER_ADDRESS` where the address is not IPv4; CloudFront's policies know no other.
 * @throws EdgeSignerError `ERR_INTERNAL` where the times are not whole seconds in order.
 */
export function customPolicy(
  policy: { readonly host: string; readonly prefix: ResourcePrefix; readonly notBefore: number } & PolicyConditions,
): string {
  return resourcePolicy(`${cdnOrigin(policy.host)}${policy.prefix}*`, policy)
}

/**
 * `https://<host>`, as it stands in a `Resource`.
 *
 * @throws RequestError `ERR_HOST_UNKNOWN`.
 */
export function cdnOrigin(name: string): string {
  if (!host.test(name)) throw new RequestError('ERR_HOST_UNKNOWN')
  return `https://${name}`
}

/**
 * The policy for a `Resource` as it stands; the caller answers for its wildcards. Byte-stable like `customPolicy`.
 *
 * @throws GrantError `ERR_VIEWER_ADDRESS`; EdgeSignerError `ERR_INTERNAL`.
 */
export function resourcePolicy(resource: string, conditions: PolicyConditions): string {
  const { expires, notBefore, ipAddress } = conditions
  // CloudFront answers `MalformedPolicy` to a fraction: better an error here than cookies that never work.
  const inOrder =
    Number.isSafeInteger(expires) && expires > 0 && (notBefore === undefined || isBefore(notBefore, expires))
  if (!inOrder) throw new EdgeSignerError('ERR_INTERNAL', 'the times of a policy must be whole seconds, in order')
  if (ipAddress !== undefined && parseIpv4(ipAddress) === undefined) throw new GrantError('ERR_VIEWER_ADDRESS')
  const from = notBefore === undefined ? '' : `,"DateGreaterThan":{"AWS:EpochTime":${notBefore}}`
  const by = ipAddress === undefined ? '' : `,"IpAddress":{"AWS:SourceIp":"${ipAddress}/32"}`
  const condition = `{"DateLessThan":{"AWS:EpochTime":${expires}}${from}${by}}`
  return `{"Statement":[{"Resource":${JSON.stringify(resource)},"Condition":${condition}}]}`
}

/**
 * Whether a text is a policy in the very form that `customPolicy` and `resourcePolicy` write. That is one strict statement
 * with a `Resource` and an end: there is no other spelling in which a parser could find something else.
 */
export function isPolicy(json: string): boolean {
  return policyForm.test(json)
}

const policyForm =
  /^\{"Statement":\[\{"Resource":"(?:[ !#-[\]-\uffff]|\\.)+","Condition":\{"DateLessThan":\{"AWS:EpochTime":[1-9]\d*\}(?:,"DateGreaterThan":\{"AWS:EpochTime":\d+\})?(?:,"IpAddress":\{"AWS:SourceIp":"[\d.]+\/32"\})?\}\}\]\}$/

function isBefore(notBefore: number, expires: number): boolean {
  return Number.isSafeInteger(notBefore) && notBefore >= 0 && notBefore < expires
}
