import { showTime } from '../input/time.ts'
import { printable, showKeyId, showUrl } from '../redact.ts'
import type { CheckedBy } from './check.ts'
import type { Report } from './report.ts'
import { fieldValue } from './signing-fields.ts'
import type { Subject } from './subject.ts'

const marks = { pass: 'pass', fail: 'FAIL', unknown: '  ? ' } as const

const headings: Readonly<Record<CheckedBy, string>> = {
  browser: 'The browser',
  CloudFront: 'CloudFront, key group',
  guard: 'The guard',
  answer: 'The answer',
}

/** The explanation as text. `timeFrom` says where the time came from. */
export function printReport(report: Report, subject: Subject, timeFrom: string): string {
  const lines = [...describeSubject(subject, timeFrom)]
  const width = Math.max(...report.results.map(({ check }) => check.length))
  let heading: CheckedBy | undefined
  for (const result of report.results) {
    if (result.by !== heading) lines.push('', headings[result.by])
    heading = result.by
    lines.push(`  ${marks[result.status]}  ${result.check.padEnd(width)}  ${printable(result.detail)}`)
  }
  return `${[...lines, '', ...describeVerdict(report)].join('\n')}\n`
}

/** The explanation as JSON, the same facts under stable names. */
export function reportJson(report: Report, subject: Subject): string {
  const { policy, fields, coveredUrl, now, pathKind, answeredBy } = subject
  const keyPairId = fieldValue(fields, 'Key-Pair-Id')
  return `${JSON.stringify(
    {
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
    },
    null,
    2,
  )}\n`
}

function describeSubject({ coveredUrl, request, fields, policy, now }: Subject, timeFrom: string): string[] {
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
      first.by === 'CloudFront' && report.keyGroup !== 'undecided' ? `, CloudFront answers ${report.keyGroup}` : ''
    return [
      `REFUSED at ${first.check} (${first.fault}${code}): ${printable(first.detail)}`,
      `What to do: ${first.remedy}`,
    ]
  }
  const because = report.because ?? (report.verdict === 'granted' ? letThrough : tooLittle)
  const open = report.results.filter(({ status }) => status === 'unknown').map(({ check }) => check)
  const rest = open.length === 0 ? '' : ` Not checked: ${open.join(', ')}.`
  return [`${report.verdict.toUpperCase()}: ${because}${rest}`]
}

const letThrough = 'CloudFront lets this request through.'
const tooLittle = 'nothing speaks against this request, but not enough was given to check it.'
