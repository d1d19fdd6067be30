import { blockHolds, parseIpv4Block } from './ipv4.ts'
import { matchesResource } from './resource-match.ts'

/**
 * Reading and checking a policy, as CloudFront does for each request.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters; faults are values, not exceptions. In njs
 * `$` also matches before a line feed at the end, so it is written `$(?!\n)`.
 */

/** The one statement of a policy. Times in epoch seconds. */
export interface Policy {
  /** A URL with the wildcards `*` and `?`. */
  readonly resource: string
  /** `DateLessThan`: valid before this second. */
  readonly expires: number
  /** `DateGreaterThan`: valid after this second. */
  readonly notBefore: number | undefined
  /** One IPv4 address or CIDR block. */
  readonly ipAddress: string | undefined
}

/** The reasons for which a well-formed policy does not cover a request. */
export type PolicyFault = 'expired' | 'not-yet-valid' | 'resource' | 'ip'

/** The request that a policy is held against. */
export interface PolicySubject {
  /** `https://host/path?query`, without the parameters of a signed URL. */
  readonly url: string
  /** Epoch seconds. */
  readonly now: number
  readonly clientIp: string
}

/** The last second that CloudFront takes for a date; milliseconds are far beyond it, and answered with `MalformedPolicy`. */
export const maxEpoch = 2 ** 31 - 1

type Fields = Record<string, unknown>

/**
 * Reads a policy strictly: one statement with `Resource` and an integer `DateLessThan`, optionally `DateGreaterThan` and
 * one IPv4 `IpAddress`, and nothing else.
 *
 * A statement without `Resource` would cover every distribution that trusts the key, so it is refused; so is whatever this
 * reader does not know, because it cannot enforce it.
 *
 * @returns `undefined` for anything else.
 */
export function parsePolicy(json: string): Policy | undefined {
  const written = policyForm.exec(json)
  return written === null ? parseOtherForm(json) : readPolicyForm(written)
}

/** Reads a policy whose text is in the one form that `isPolicy` knows. njs takes a third of the time of a JSON parser. */
function readPolicyForm(parts: RegExpExecArray): Policy | undefined {
  const notBefore = parts[3] === undefined ? undefined : Number(parts[3])
  const ipAddress = parts[4]
  const expires = Number(parts[2])
  if (expires > maxEpoch || (notBefore !== undefined && notBefore > maxEpoch)) return undefined
  if (ipAddress !== undefined && parseIpv4Block(ipAddress) === undefined) return undefined
  return { resource: parts[1] as string, expires: expires, notBefore: notBefore, ipAddress: ipAddress }
}

/** Reads a policy as any JSON text, such as one with white space in it. */
function parseOtherForm(json: string): Policy | undefined {
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch (_notJson) {
    return undefined
  }
  const root = readFields(document, ['Statement'])
  if (root === undefined || !Array.isArray(root.Statement) || root.Statement.length !== 1) return undefined
  const statement = readFields(root.Statement[0], ['Resource', 'Condition'])
  if (statement === undefined || !isResource(statement.Resource)) return undefined
  const condition = readFields(statement.Condition, ['DateLessThan', 'DateGreaterThan', 'IpAddress'])
  if (condition === undefined) return undefined
  const expires = readEpoch(condition.DateLessThan)
  if (expires === undefined) return undefined
  const notBefore = readEpoch(condition.DateGreaterThan)
  if (notBefore === undefined && condition.DateGreaterThan !== undefined) return undefined
  const ipAddress = readSourceIp(condition.IpAddress)
  if (ipAddress === undefined && condition.IpAddress !== undefined) return undefined
  // `Statement`, `Resource`, `Condition`, and each condition with its one field.
  const names = 3 + 2 * Object.keys(condition).length
  if (!isPlainJson(json, names)) return undefined
  return { resource: statement.Resource, expires: expires, notBefore: notBefore, ipAddress: ipAddress }
}

/**
 * Returns true if a text is a policy in the very form that `customPolicy` and `resourcePolicy`, and AWS's own signers, write:
 * one strict statement with a `Resource` and an end. There is no other spelling in which a parser could find something else.
 */
export function isPolicy(json: string): boolean {
  return policyForm.test(json)
}

const policyForm =
  /^\{"Statement":\[\{"Resource":"([ !#-[\]-~\u00a0-\uffff]+)","Condition":\{"DateLessThan":\{"AWS:EpochTime":([1-9]\d*)\}(?:,"DateGreaterThan":\{"AWS:EpochTime":(0|[1-9]\d*)\})?(?:,"IpAddress":\{"AWS:SourceIp":"([\d.]+\/32)"\})?\}\}\]\}$(?!\n)/

/** Returns true if `Resource` begins as that of a signed cookie must; that of a signed URL may begin with a wildcard. */
export function isCookieResource(resource: string): boolean {
  return resource.slice(0, 8) === 'https://' || resource.slice(0, 7) === 'http://'
}

/**
 * Holds dates and address of a policy against a request, all but `Resource`: each takes the same time for every policy, so this
 * may run before the signature is verified. Both dates are exclusive, as their names say.
 */
export function checkConditions(
  policy: Policy,
  request: Pick<PolicySubject, 'now' | 'clientIp'>,
): Exclude<PolicyFault, 'resource'> | undefined {
  if (request.now >= policy.expires) return 'expired'
  if (policy.notBefore !== undefined && request.now <= policy.notBefore) return 'not-yet-valid'
  if (policy.ipAddress !== undefined) {
    const block = parseIpv4Block(policy.ipAddress)
    if (block === undefined || !blockHolds(block, request.clientIp)) return 'ip'
  }
  return undefined
}

/**
 * Holds a whole policy against a request. `undefined` where it covers the request. For a policy whose signature was verified:
 * see `isPrefixPattern`.
 */
export function checkPolicy(policy: Policy, request: PolicySubject): PolicyFault | undefined {
  const fault = checkConditions(policy, request)
  if (fault !== undefined) return fault
  return matchesResource(policy.resource, request.url) ? undefined : 'resource'
}

/**
 * Returns true if the text is JSON that every parser reads alike: no escape but that of a slash, whole numbers in their one
 * spelling, and as many names as were read.
 *
 * JSON parsers differ where a document is odd: njs takes `01` and `1.`, and of two fields of one name each parser takes one.
 * CloudFront has a parser of its own, so a policy that two could read differently is no policy.
 */
function isPlainJson(json: string, names: number): boolean {
  const unescaped = json.indexOf('\\') < 0 ? json : json.split('\\/').join('/')
  if (unescaped.indexOf('\\') >= 0) return false
  const rest = unescaped.replace(/"[^"]*"/g, '""')
  return !/[^{}[\]:,"0-9 \t\r\n]|(?:^|[^0-9])0[0-9]/.test(rest) && rest.split(':').length - 1 === names
}

/**
 * Returns true for text that needs no escape in JSON: no URL holds a quotation mark, a backslash or a control character, and a
 * line feed would forge a line wherever it is printed.
 */
export function isResource(value: unknown): value is string {
  return typeof value === 'string' && /^[ !#-[\]-~\u00a0-\uffff]+$(?!\n)/.test(value)
}

/** A plain object with no field but the known ones. */
function readFields(value: unknown, known: readonly string[]): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  for (const name in value) if (known.indexOf(name) < 0) return undefined
  return value as Fields
}

function readEpoch(value: unknown): number | undefined {
  const fields = readFields(value, ['AWS:EpochTime'])
  const epoch = fields === undefined ? undefined : fields['AWS:EpochTime']
  if (typeof epoch !== 'number' || Math.floor(epoch) !== epoch || epoch < 0 || epoch > maxEpoch) return undefined
  return epoch
}

function readSourceIp(value: unknown): string | undefined {
  const fields = readFields(value, ['AWS:SourceIp'])
  const address = fields === undefined ? undefined : fields['AWS:SourceIp']
  return typeof address === 'string' && parseIpv4Block(address) !== undefined ? address : undefined
}
