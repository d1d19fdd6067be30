import { EdgeSignerError, GrantError, RequestError } from '../errors.ts'
import type { ResourcePrefix } from '../grant/resource-prefix.ts'
import { parseIpv4 } from './ipv4.ts'
import { isResource, maxEpoch } from './parse-policy.ts'

export { isPolicy, type Policy, parsePolicy } from './parse-policy.ts'

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
  policy: {
    readonly host: string
    readonly prefix: ResourcePrefix
    readonly notBefore: number | undefined
  } & PolicyConditions,
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
 * @throws GrantError `ERR_VIEWER_ADDRESS`; EdgeSignerError `ERR_INTERNAL` also for a `Resource` that no URL can match.
 */
export function resourcePolicy(resource: string, conditions: PolicyConditions): string {
  const { expires, notBefore, ipAddress } = conditions
  // CloudFront answers `MalformedPolicy` to a fraction or to milliseconds: better an error here than cookies that never work.
  const inOrder =
    Number.isSafeInteger(expires) &&
    expires > 0 &&
    expires <= maxEpoch &&
    (notBefore === undefined || isBefore(notBefore, expires))
  if (!inOrder) throw new EdgeSignerError('ERR_INTERNAL', 'the times of a policy must be whole seconds, in order')
  if (!isResource(resource))
    throw new EdgeSignerError('ERR_INTERNAL', 'a Resource has no quotation mark, backslash or control character')
  if (ipAddress !== undefined && parseIpv4(ipAddress) === undefined) throw new GrantError('ERR_VIEWER_ADDRESS')
  const from = notBefore === undefined ? '' : `,"DateGreaterThan":{"AWS:EpochTime":${notBefore}}`
  const by = ipAddress === undefined ? '' : `,"IpAddress":{"AWS:SourceIp":"${ipAddress}/32"}`
  const condition = `{"DateLessThan":{"AWS:EpochTime":${expires}}${from}${by}}`
  return `{"Statement":[{"Resource":"${resource}","Condition":${condition}}]}`
}

function isBefore(notBefore: number, expires: number): boolean {
  return Number.isSafeInteger(notBefore) && notBefore >= 0 && notBefore < expires
}
