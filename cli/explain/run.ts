import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { marks } from '../finding.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { parseHttpDate, parseTime, showTime } from '../input/time.ts'
import { printJson, printLines } from '../print.ts'
import { showKeyId, showUrl } from '../redact.ts'
import { readText, type Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { assignArguments, type ExplainOptions } from './arguments.ts'
import type { CheckedBy } from './check.ts'
import { type ParsedInput, parseInput } from './input.ts'
import { readInput } from './read-input.ts'
import { explain, type Report } from './report.ts'
import { fieldValue } from './signing-fields.ts'

/**
 * Explains a request and prints the report.
 *
 * @param args a URL, a cookie header or the path of a cookie jar, in any order.
 * @returns the exit status: 0 if access would be granted, 1 if it would not or the input does not suffice.
 * @throws UsageError.
 */
export async function runExplain(args: readonly string[], given: ExplainOptions, terminal: Terminal): Promise<number> {
  const options = await assignArguments(args, given)
  if (!options.url && !options.cookie && !options.jar && !options.setCookie) {
    throw new UsageError('give the requested URL, and --cookie, --jar or --set-cookie unless it is a signed URL')
  }
  const answer = await readAnswer(options, terminal)
  const [now, timeFrom] = timeOf(options.at, answer, terminal.now())
  const input = parseInput(await readInput(options, answer, now, terminal).catch(asUsageError))
  const report = explain(input)
  if (options.json) printJson(terminal, reportJson(report, input))
  else printLines(terminal, reportLines(report, input, timeFrom))
  return report.verdict === 'granted' ? exitCodes.granted : exitCodes.refused
}

/** Unreadable keys or an unreadable state say nothing about access, so the exit status must not be 1. */
function asUsageError(error: unknown): never {
  throw error instanceof EdgeSignerError && !(error instanceof UsageError) ? new UsageError(messageOf(error)) : error
}

async function readAnswer(options: ExplainOptions, terminal: Terminal): Promise<HttpAnswer | undefined> {
  const { responseHeaders, body } = options
  if (responseHeaders === undefined && body === undefined) return undefined
  return parseHttpAnswer(
    responseHeaders === undefined ? undefined : await readText(responseHeaders, '--response-headers', terminal),
    body === undefined ? undefined : await readText(body, '--body', terminal),
  )
}

/** A response is judged at its own time; otherwise yesterday's 403 would always look expired. */
function timeOf(at: string | undefined, answer: HttpAnswer | undefined, now: number): [now: number, from: string] {
  if (at !== undefined) return [parseTime(at, '--at', now), '--at']
  const answeredAt = parseHttpDate(answer?.headers.get('date'))
  return answeredAt === undefined ? [now, 'now'] : [answeredAt, 'Date of the response']
}

const headings: Readonly<Record<CheckedBy, string>> = {
  behaviour: 'CloudFront, behaviours',
  browser: 'The browser',
  CloudFront: 'CloudFront, key group',
  guard: 'The guard',
  answer: 'The response',
}

/** Returns the lines of the report. `timeFrom` names the source of the time. */
function reportLines(report: Report, input: ParsedInput, timeFrom: string): string[] {
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
function reportJson(report: Report, input: ParsedInput): object {
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
