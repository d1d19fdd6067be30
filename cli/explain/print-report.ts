import { marks } from '../finding.ts'
import { showTime } from '../input/time.ts'
import { showKeyId, showUrl } from '../redact.ts'
import type { CheckedBy } from './check.ts'
import type { ParsedInput } from './input.ts'
import type { Report } from './report.ts'
import { fieldValue } from './signing-fields.ts'

const headings: Readonly<Record<CheckedBy, string>> = {
  browser: 'The browser',
  CloudFront: 'CloudFront, key group',
  guard: 'The guard',
  answer: 'The response',
}

/** Returns the lines of the report. `timeFrom` names the source of the time. */
export function reportLines(report: Report, input: ParsedInput, timeFrom: string): string[] {
  const lines = [...describeInput(input, timeFrom)]
  const width = Math.max(...report.results.map(({ check }) => check.length))
  let heading: CheckedBy | undefined
  for (const result of report.results) {
    if (result.by !== heading) lines.push('', headings[result.by])
    heading = result.by
    lines.push(`  ${marks[result.status]}  ${result.check.padEnd(width)}  ${result.detail}`)
  }
  return [...lines, '', ...describeVerdict(report)]
}

/** Returns the report as JSON with stable names. */
export function reportJson(report: Report, input: ParsedInput): object {
  const { policy, fields, coveredUrl, now, pathKind, answeredBy } = input
  const keyPairId = fieldValue(fields, 'Key-Pair-Id')
  return {
    verdict: report.verdict,
    firstFailure: report.firstFailure?.check ?? null,
    fault: report.firstFailure?.fault ?? null,
    remedy: report.firstFailure?.remedy ?? null,
    because: report.because ?? null,
    at: showTime(now),
    url: coveredUrl === undefined ? null : showUrl(coveredUrl),
    path: pathKind,
    signedBy: fields.values.size === 0 ? null : fields.source,
    keyPairId: keyPairId === undefined ? null : showKeyId(keyPairId),
    policy: policy === undefined ? null : { ...policy, resource: showUrl(policy.resource) },
    keyGroup: report.keyGroup,
    answeredBy: answeredBy ?? null,
    checks: report.results,
  }
}

function describeInput({ coveredUrl, request, fields, policy, now }: ParsedInput, timeFrom: string): string[] {
  const signed =
    fields.values.size === 0
      ? 'without a signature'
      : `by ${fields.source === 'url' ? 'signed URL' : 'cookies'}, key ${showKeyId(fieldValue(fields, 'Key-Pair-Id') ?? '(none)')}`
  return [
    `request  ${coveredUrl === undefined ? '(no URL given)' : showUrl(coveredUrl)}${request?.scheme === 'http' ? ' (sent over http; policies name https)' : ''}`,
    `signed   ${signed}`,
    ...(policy === undefined ? [] : [`policy   ${showUrl(policy.resource)} until ${showTime(policy.expires)}`]),
    `time     ${showTime(now)} (${timeFrom})`,
  ]
}

function describeVerdict(report: Report): string[] {
  const { firstFailure: first } = report
  if (first !== undefined) {
    const code =
      first.by === 'CloudFront' && report.keyGroup !== 'undecided' ? `, CloudFront returns ${report.keyGroup}` : ''
    return [`REFUSED at ${first.check} (${first.fault}${code}): ${first.detail}`, `What to do: ${first.remedy}`]
  }
  const because = report.because ?? (report.verdict === 'granted' ? accepted : incomplete)
  const open = report.results.filter(({ status }) => status === 'unknown').map(({ check }) => check)
  const rest = open.length === 0 ? '' : ` Not checked: ${open.join(', ')}.`
  return [`${report.verdict.toUpperCase()}: ${because}${rest}`]
}

const accepted = 'CloudFront lets this request through.'
const incomplete = 'no check failed, but not enough was given to make all of them.'
