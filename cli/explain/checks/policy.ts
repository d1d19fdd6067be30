import { blockHolds, parseIpv4, parseIpv4Block } from '../../../shared/cloudfront/ipv4.ts'
import { isCookieResource, isResource, maxEpoch } from '../../../shared/cloudfront/parse-policy.ts'
import { checkPolicy } from '../../../shared/cloudfront/signed-request.ts'
import { fault, pass, unknown } from '../../finding.ts'
import { parseHttpDate, showDuration, showTime } from '../../input/time.ts'
import { shorten } from '../../redact.ts'
import type { Check, CheckFinding } from '../check.ts'
import type { ParsedInput } from '../input.ts'

type Fields = Readonly<Record<string, unknown>>

/** The policy is one statement with `Resource` and an integer `DateLessThan`, and has no field that CloudFront doesn't enforce. */
export const policyStatement: Check = {
  name: 'policy-statement',
  by: 'CloudFront',
  run({ policy, policyJson, fields }) {
    if (policy !== undefined && fields.source === 'cookies' && !isCookieResource(policy.resource)) {
      return fault(
        'resource-without-scheme',
        'Resource does not begin with http:// or https://, as that of a signed cookie must',
        'Write the scheme: https://cdn.example.com/users/alice/*. Only signed URLs may have a wildcard in its place.',
      )
    }
    if (policy !== undefined) return pass('the policy is one statement with Resource and DateLessThan')
    const document = policyJson === undefined ? undefined : parse(policyJson)
    if (document === undefined) return unknown('the policy cannot be read')
    return describeFault(document)
  },
}

/** Describes why `parsePolicy` refused the document. Called only after it did. */
function describeFault(document: unknown): CheckFinding {
  const statements = fieldsOf(document)?.Statement
  if (!Array.isArray(statements)) {
    return fault('statement-missing', 'the policy has no list named Statement', 'Write {"Statement":[{…}]}.')
  }
  if (statements.length !== 1) {
    return fault(
      statements.length > 1 ? 'several-statements' : 'statement-missing',
      `the policy has ${statements.length} statements; CloudFront accepts exactly one`,
      'Sign one policy for each prefix, and give each its own cookies with its own Path.',
    )
  }
  const statement = fieldsOf(statements[0])
  if (typeof statement?.Resource !== 'string' || statement.Resource === '') {
    return fault(
      Array.isArray(statement?.Resource) ? 'several-resources' : 'resource-missing',
      'Resource must be one string; without it the policy would cover every distribution that trusts the key',
      'Name one URL, such as https://cdn.example.com/users/alice/* for a prefix.',
    )
  }
  if (!isResource(statement.Resource)) {
    return fault(
      'resource-characters',
      'Resource has a quotation mark, a backslash or a control character, which no URL has',
      'Sign the URL percent-encoded, as it is requested.',
    )
  }
  const condition = fieldsOf(statement.Condition)
  return describeCondition(condition) ?? describeUnknownFields(fieldsOf(document), statement, condition)
}

function describeCondition(condition: Fields | undefined): CheckFinding | undefined {
  if (condition?.DateLessThan === undefined) {
    return fault('date-missing', 'the policy has no DateLessThan, so it would never expire', 'Add DateLessThan.')
  }
  for (const name of ['DateLessThan', 'DateGreaterThan']) {
    const epoch = fieldsOf(condition[name])?.['AWS:EpochTime']
    if (condition[name] !== undefined && !(typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch >= 0)) {
      return fault(
        'date-not-integer',
        `${name} is ${typeof epoch === 'string' ? 'a string' : 'not a whole number'}; CloudFront requires epoch seconds as an integer`,
        `Write "${name}":{"AWS:EpochTime":1893456000}, without quotes around the number and without a fraction.`,
      )
    }
    if (typeof epoch === 'number' && epoch > maxEpoch) {
      const isMilliseconds = epoch > 100_000_000_000
      return fault(
        isMilliseconds ? 'date-in-milliseconds' : 'date-too-late',
        isMilliseconds
          ? `${name} looks like milliseconds, and means seconds`
          : `${name} is after 2038-01-19, the last date that is known to work`,
        `Write "${name}":{"AWS:EpochTime":1893456000}, in seconds.`,
      )
    }
  }
  const address = fieldsOf(condition.IpAddress)?.['AWS:SourceIp']
  if (condition.IpAddress !== undefined && !(typeof address === 'string' && parseIpv4Block(address) !== undefined)) {
    return fault(
      'ip-malformed',
      'IpAddress must be one IPv4 address or one IPv4 block; CloudFront supports neither a list nor IPv6',
      'Write "IpAddress":{"AWS:SourceIp":"192.0.2.7/32"}.',
    )
  }
  return undefined
}

function describeUnknownFields(...objects: (Fields | undefined)[]): CheckFinding {
  const known = ['Statement', 'Resource', 'Condition', 'DateLessThan', 'DateGreaterThan', 'IpAddress']
  const unexpected = objects.flatMap((object) => Object.keys(object ?? {})).filter((name) => !known.includes(name))
  const conditions = Object.values(objects.at(-1) ?? {})
  if (unexpected.length === 0 && conditions.every((value) => Object.keys(fieldsOf(value) ?? {}).length === 1)) {
    return fault(
      'policy-ambiguous',
      'the policy is JSON that parsers read differently: a field twice, an escape, or a number in another spelling',
      'Sign the output of a JSON writer: each field once, dates as whole numbers without a fraction or an exponent.',
    )
  }
  return fault(
    'unknown-fields',
    unexpected.length === 0
      ? 'a condition of the policy has more than its one value'
      : `the policy has ${unexpected.slice(0, 5).map(shorten).join(', ')}, which CloudFront's policies do not have`,
    'Remove everything but Resource, DateLessThan, DateGreaterThan and IpAddress (an IAM policy has another syntax).',
  )
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch {
    return undefined
  }
}

/** `DateLessThan` is in the future. */
export const expiry: Check = {
  name: 'expiry',
  by: 'CloudFront',
  run(input) {
    const { policy, now } = input
    if (policy === undefined) return unknown('the policy cannot be read')
    const { expires } = policy
    const timeAlone = { ...policy, resource: '*', notBefore: undefined, ipAddress: undefined }
    if (checkPolicy(timeAlone, { url: '', now, clientIp: '' }) === undefined) {
      return pass(`valid until ${showTime(expires)}, for ${showDuration(expires - now)} more`)
    }
    return fault(
      'expired',
      `expired at ${showTime(expires)}, ${showDuration(now - expires)} before ${showTime(now)}`,
      `Request /_edge/session again, or sign the URL again.${skewHint(now - expires, answeredAt(input), now)}`,
    )
  },
}

/** `DateGreaterThan`, if present, is in the past. */
export const start: Check = {
  name: 'start',
  by: 'CloudFront',
  run(input) {
    const { policy, now } = input
    if (policy === undefined) return unknown('the policy cannot be read')
    const { notBefore } = policy
    if (notBefore === undefined) return pass('valid at once: no DateGreaterThan')
    const startAlone = { resource: '*', notBefore, expires: Number.MAX_SAFE_INTEGER, ipAddress: undefined }
    if (checkPolicy(startAlone, { url: '', now, clientIp: '' }) === undefined)
      return pass(`valid after ${showTime(notBefore)}`)
    return fault(
      'not-yet-valid',
      `valid after ${showTime(notBefore)}, ${showDuration(notBefore - now)} after ${showTime(now)}`,
      `Wait, or sign with an earlier DateGreaterThan.${skewHint(notBefore - now, answeredAt(input), now)}`,
    )
  },
}

/** Time of the response by the clock of the server that made it. */
function answeredAt({ answer }: ParsedInput): number | undefined {
  return parseHttpDate(answer?.headers.get('date'))
}

/** Differences up to this many seconds are more often caused by a wrong clock than by a late request. */
const maxLikelySkew = 600

/** Returns a sentence about clocks if the time is off by little or the server has another time; otherwise an empty text. */
export function skewHint(off: number, answeredAt: number | undefined, now: number): string {
  if (answeredAt !== undefined && Math.abs(answeredAt - now) > 30) {
    return ` The clock of the response differs from the time used here by ${showDuration(Math.abs(answeredAt - now))}.`
  }
  return off <= maxLikelySkew
    ? ' The difference is small: compare the clock of the signing machine with a time server.'
    : ''
}

/** `IpAddress`, if present, contains the viewer's address as CloudFront sees it. */
export const ip: Check = {
  name: 'ip',
  by: 'CloudFront',
  run({ policy, clientIp }) {
    if (policy === undefined) return unknown('the policy cannot be read')
    const bound = policy.ipAddress
    const block = bound === undefined ? undefined : parseIpv4Block(bound)
    if (bound === undefined || block === undefined) return pass('bound to no address')
    if (clientIp === undefined) return unknown(`bound to ${bound}; give the viewer's address with --ip`)
    if (blockHolds(block, clientIp)) return pass(`${clientIp} is in ${bound}`)
    if (parseIpv4(clientIp) === undefined) {
      return fault(
        'ip-version',
        `the policy is bound to the IPv4 address ${bound}, and the viewer uses IPv6`,
        'Disable IPv6 for the distribution (ipBinding does), or do not bind.',
      )
    }
    return fault(
      'ip-mismatch',
      `the policy is bound to ${bound}, and the viewer has ${clientIp}`,
      'Mint again from the current network. Mobile networks and proxies change addresses: bind to a block, or not at all.',
    )
  },
}
