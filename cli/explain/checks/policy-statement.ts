import { parseIpv4Block } from '../../../shared/cloudfront/ipv4.ts'
import { shorten } from '../../redact.ts'
import { type Check, type Finding, fail, pass, unknown } from '../check.ts'

type Fields = Readonly<Record<string, unknown>>

/** The policy is one statement with `Resource` and an integer `DateLessThan`, and holds nothing that nobody enforces. */
export const policyStatement: Check = {
  name: 'policy-statement',
  by: 'CloudFront',
  run({ policy, policyJson }) {
    if (policy !== undefined) return pass('the policy is one statement with Resource and DateLessThan')
    const document = policyJson === undefined ? undefined : parse(policyJson)
    if (document === undefined) return unknown('the policy cannot be read')
    return describeFault(document)
  },
}

/** Finds what `parsePolicy` refused. It is asked only after that reader said no. */
function describeFault(document: unknown): Finding {
  const statements = fieldsOf(document)?.Statement
  if (!Array.isArray(statements)) {
    return bad('statement-missing', 'the policy has no list named Statement', 'Write {"Statement":[{…}]}.')
  }
  if (statements.length !== 1) {
    return bad(
      statements.length > 1 ? 'several-statements' : 'statement-missing',
      `the policy has ${statements.length} statements; CloudFront takes exactly one`,
      'Sign one policy for each prefix, and give each its own cookies with its own Path.',
    )
  }
  const statement = fieldsOf(statements[0])
  if (typeof statement?.Resource !== 'string' || statement.Resource === '') {
    return bad(
      Array.isArray(statement?.Resource) ? 'several-resources' : 'resource-missing',
      'Resource must be one text; without it the policy would cover every distribution that trusts the key',
      'Name one URL, such as https://cdn.example.com/users/alice/* for a prefix.',
    )
  }
  const condition = fieldsOf(statement.Condition)
  return describeCondition(condition) ?? describeUnknownFields(fieldsOf(document), statement, condition)
}

function describeCondition(condition: Fields | undefined): Finding | undefined {
  if (condition?.DateLessThan === undefined) {
    return bad('date-missing', 'the policy has no DateLessThan, so it would never end', 'Add DateLessThan.')
  }
  for (const name of ['DateLessThan', 'DateGreaterThan']) {
    const epoch = fieldsOf(condition[name])?.['AWS:EpochTime']
    if (condition[name] !== undefined && !(typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch >= 0)) {
      return bad(
        'date-not-integer',
        `${name} is ${typeof epoch === 'string' ? 'a text' : 'no whole number'}; CloudFront wants epoch seconds as an integer`,
        `Write "${name}":{"AWS:EpochTime":1893456000}, without quotes around the number and without a fraction.`,
      )
    }
  }
  const address = fieldsOf(condition.IpAddress)?.['AWS:SourceIp']
  if (condition.IpAddress !== undefined && !(typeof address === 'string' && parseIpv4Block(address) !== undefined)) {
    return bad(
      'ip-malformed',
      'IpAddress must be one IPv4 address or one IPv4 block; CloudFront knows no list and no IPv6 there',
      'Write "IpAddress":{"AWS:SourceIp":"192.0.2.7/32"}.',
    )
  }
  return undefined
}

function describeUnknownFields(...objects: (Fields | undefined)[]): Finding {
  const known = ['Statement', 'Resource', 'Condition', 'DateLessThan', 'DateGreaterThan', 'IpAddress']
  const strangers = objects.flatMap((object) => Object.keys(object ?? {})).filter((name) => !known.includes(name))
  return bad(
    'unknown-fields',
    strangers.length === 0
      ? 'a condition of the policy holds something besides its one value'
      : `the policy holds ${strangers.slice(0, 5).map(shorten).join(', ')}, which CloudFront's policies do not have`,
    'Leave out everything but Resource, DateLessThan, DateGreaterThan and IpAddress (an IAM policy is another thing).',
  )
}

function bad(fault: string, detail: string, remedy: string): Finding {
  return fail(fault, detail, remedy)
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
