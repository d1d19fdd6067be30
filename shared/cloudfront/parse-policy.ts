import { blockHolds, parseIpv4Block } from './ipv4.ts'
import { matchesResource } from './resource-match.ts'

/**
 * Reading and checking a policy, as CloudFront does for each request.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-setting-signed-cookie-custom-policy.html
 *
 * This file also runs in njs: no classes, spread, destructuring, default parameters; faults are values, not exceptions.
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

/** Why a well-formed policy does not cover a request. */
export type PolicyFault = 'expired' | 'not-yet-valid' | 'resource' | 'ip'

/** The request that a policy is held against. */
export interface PolicySubject {
  /** `https://host/path?query`, without the parameters of a signed URL. */
  readonly url: string
  /** Epoch seconds. */
  readonly now: number
  readonly clientIp: string
}

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
  let document: unknown
  try {
    document = JSON.parse(json)
  } catch (_notJson) {
    return undefined
  }
  const root = readFields(document, ['Statement'])
  if (root === undefined || !Array.isArray(root.Statement) || root.Statement.length !== 1) return undefined
  const statement = readFields(root.Statement[0], ['Resource', 'Condition'])
  if (statement === undefined || typeof statement.Resource !== 'string' || statement.Resource === '') return undefined
  const condition = readFields(statement.Condition, ['DateLessThan', 'DateGreaterThan', 'IpAddress'])
  if (condition === undefined) return undefined
  const expires = readEpoch(condition.DateLessThan)
  if (expires === undefined) return undefined
  const notBefore = readEpoch(condition.DateGreaterThan)
  if (notBefore === undefined && condition.DateGreaterThan !== undefined) return undefined
  const ipAddress = readSourceIp(condition.IpAddress)
  if (ipAddress === undefined && condition.IpAddress !== undefined) return undefined
  return { resource: statement.Resource, expires: expires, notBefore: notBefore, ipAddress: ipAddress }
}

/** Holds a policy against a request: both dates are exclusive, as their names say. `undefined` where it covers the request. */
export function checkPolicy(policy: Policy, request: PolicySubject): PolicyFault | undefined {
  if (request.now >= policy.expires) return 'expired'
  if (policy.notBefore !== undefined && request.now <= policy.notBefore) return 'not-yet-valid'
  if (!matchesResource(policy.resource, request.url)) return 'resource'
  if (policy.ipAddress !== undefined) {
    const block = parseIpv4Block(policy.ipAddress)
    if (block === undefined || !blockHolds(block, request.clientIp)) return 'ip'
  }
  return undefined
}

/** A plain object with no field but the known ones. */
function readFields(value: unknown, known: readonly string[]): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const names = Object.keys(value)
  for (let i = 0; i < names.length; i++) {
    if (known.indexOf(String(names[i])) < 0) return undefined
  }
  return value as Fields
}

function readEpoch(value: unknown): number | undefined {
  const fields = readFields(value, ['AWS:EpochTime'])
  const epoch = fields === undefined ? undefined : fields['AWS:EpochTime']
  if (typeof epoch !== 'number' || Math.floor(epoch) !== epoch || epoch < 0 || epoch > 9007199254740991)
    return undefined
  return epoch
}

function readSourceIp(value: unknown): string | undefined {
  const fields = readFields(value, ['AWS:SourceIp'])
  const address = fields === undefined ? undefined : fields['AWS:SourceIp']
  return typeof address === 'string' && parseIpv4Block(address) !== undefined ? address : undefined
}
