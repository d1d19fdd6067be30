import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { readText } from '../input/read-text.ts'
import { parseTime } from '../input/time.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { answerTime } from './clock.ts'
import { type ExplainOptions, placeInputs } from './inputs.ts'
import { printReport, reportJson } from './print-report.ts'
import { readEvidence } from './read-evidence.ts'
import { explain } from './report.ts'
import { readSubject } from './subject.ts'

/**
 * Explains a request and prints it.
 *
 * @param inputs a URL, a cookie header or the path of a cookie jar, in any order.
 * @returns the exit status: 0 access would be granted, 1 it would not or cannot be told.
 * @throws UsageError.
 */
export async function runExplain(
  inputs: readonly string[],
  given: ExplainOptions,
  terminal: Terminal,
): Promise<number> {
  const options = await placeInputs(inputs, given)
  if (!options.url && !options.cookie && !options.jar && !options.setCookie) {
    throw new UsageError('give the requested URL, and --cookie, --jar or --set-cookie where it is not a signed URL')
  }
  const answer = await readAnswer(options, terminal)
  const [now, timeFrom] = timeOf(options.at, answer, terminal.now())
  const subject = readSubject(await readEvidence(options, answer, now, terminal).catch(asUsageError))
  const report = explain(subject)
  terminal.out(options.json ? reportJson(report, subject) : printReport(report, subject, timeFrom))
  return report.verdict === 'granted' ? exitCodes.granted : exitCodes.refused
}

/** Keys or a state that cannot be read say nothing about access, so they are not status 1. */
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

/** A kept answer is judged at its own time, or yesterday's 403 would always look expired. */
function timeOf(at: string | undefined, answer: HttpAnswer | undefined, now: number): [now: number, from: string] {
  if (at !== undefined) return [parseTime(at, '--at', now), '--at']
  const answered = answerTime({ answer })
  return answered === undefined ? [now, 'now'] : [answered, 'Date of the answer']
}
