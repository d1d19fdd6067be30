import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { readText } from '../input/read-text.ts'
import { parseHttpDate, parseTime } from '../input/time.ts'
import { printJson, printLines } from '../print.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { assignArguments, type ExplainOptions } from './arguments.ts'
import { parseInput } from './input.ts'
import { reportJson, reportLines } from './print-report.ts'
import { readInput } from './read-input.ts'
import { explain } from './report.ts'

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
