import { stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { parseIpv4 } from '../../shared/cloudfront/ipv4.ts'
import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { enclosingPrefixes } from '../../shared/revocation/key-value.ts'
import { parseRevocationState } from '../../shared/revocation/state.ts'
import { exitCodes } from '../exit-codes.ts'
import { type HttpAnswer, parseHttpAnswer } from '../input/http-answer.ts'
import { readKeys } from '../input/keys.ts'
import { type LocalStage, readLocalStage } from '../input/local-stage.ts'
import { parseNetscapeJar, type StoredCookie } from '../input/netscape-jar.ts'
import { readText } from '../input/read-text.ts'
import { parseRequestUrl, type RequestUrl } from '../input/request-url.ts'
import { parseSetCookieLines } from '../input/set-cookie.ts'
import { parseTime } from '../input/time.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { deepestPrefix } from './checks/revocation.ts'
import { answerTime } from './clock.ts'
import { printReport, reportJson } from './print-report.ts'
import { explain } from './report.ts'
import { type Evidence, type RevocationLookup, readSubject } from './subject.ts'

/** The options of `edge-signer explain`, as the parser hands them over. */
export interface ExplainOptions {
  readonly url?: string
  readonly cookie?: string
  readonly jar?: string
  readonly setCookie?: string
  readonly page?: string
  readonly navigation?: boolean
  readonly keys?: readonly string[]
  readonly local?: boolean
  readonly state?: string
  readonly revocations?: string
  readonly ip?: string
  readonly at?: string
  readonly responseHeaders?: string
  readonly body?: string
  readonly json?: boolean
}

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

/** Tells the arguments apart, so that what is at hand can be pasted: a URL, a header, a file. */
async function placeInputs(inputs: readonly string[], given: ExplainOptions): Promise<ExplainOptions> {
  let { url, cookie, jar } = given
  for (const input of inputs) {
    if (/^https?:\/\//i.test(input)) url = once(url, input, 'URL')
    else if (/^cookie:|CloudFront-[\w-]+=/i.test(input)) cookie = once(cookie, input, 'cookie header')
    else if ((await stat(input).catch(() => undefined))?.isFile()) jar = once(jar, input, 'cookie jar')
    else throw new UsageError('an argument is no http(s) URL, no cookie header with CloudFront- cookies and no file')
  }
  return { ...given, ...(url ? { url } : {}), ...(cookie ? { cookie } : {}), ...(jar ? { jar } : {}) }
}

function once(before: string | undefined, value: string, what: string): string {
  if (before !== undefined) throw new UsageError(`more than one ${what} was given`)
  return value
}

async function readEvidence(
  options: ExplainOptions,
  answer: HttpAnswer | undefined,
  now: number,
  terminal: Terminal,
): Promise<Evidence> {
  const request = options.url === undefined ? undefined : parseRequestUrl(options.url)
  const keys = options.keys === undefined ? undefined : await readKeys(options.keys, terminal)
  const local = options.local || options.state !== undefined ? await readLocalStage(options.state) : undefined
  const state =
    options.revocations && parseRevocationState(await readText(options.revocations, '--revocations', terminal))
  if (options.ip !== undefined && isIP(options.ip) === 0) throw new UsageError('--ip must be an IPv4 or IPv6 address')
  return {
    request,
    cookieHeader: options.cookie === undefined ? undefined : await readCookieHeader(options.cookie, terminal),
    stored: await readStored(options, now, terminal),
    page: options.page === undefined ? undefined : parseRequestUrl(options.page),
    navigation: options.navigation ?? false,
    now,
    clientIp: options.ip === undefined ? undefined : mappedIpv4(options.ip),
    publicKeys: keys?.publicKeys ?? local?.publicKeys,
    stampKey: keys?.document?.stampKey ?? local?.document.stampKey,
    revocations: state ? stateLookup(state) : local && request && (await localLookup(local, request)),
    answer,
  }
}

/** `::ffff:192.0.2.7` is how a dual-stack socket writes an IPv4 viewer. */
function mappedIpv4(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && parseIpv4(mapped) !== undefined ? mapped : address
}

async function readCookieHeader(value: string, terminal: Terminal): Promise<string> {
  const text = value.startsWith('@') ? await readText(value.slice(1), '--cookie', terminal) : value
  return text.trim().replace(/^cookie:\s*/i, '')
}

async function readStored(
  options: ExplainOptions,
  now: number,
  terminal: Terminal,
): Promise<StoredCookie[] | undefined> {
  if (options.jar !== undefined) {
    if (options.setCookie !== undefined) throw new UsageError('--jar and --set-cookie exclude each other')
    return parseNetscapeJar(await readText(options.jar, '--jar', terminal))
  }
  if (options.setCookie === undefined) return undefined
  const answer = parseHttpAnswer(await readText(options.setCookie, '--set-cookie', terminal), undefined)
  return parseSetCookieLines(answer.setCookie, now)
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

/** Looks up what the guard would, before the checks run: they are pure. */
async function localLookup(local: LocalStage, request: RequestUrl): Promise<RevocationLookup> {
  const prefixes = enclosingPrefixes(request.path, deepestPrefix)
  const entries = new Map<string, number | undefined>()
  for (const prefix of prefixes) entries.set(prefix, await local.revokedBefore(prefix))
  return (prefix) => entries.get(prefix)
}

function stateLookup({ revocations }: ReturnType<typeof parseRevocationState>): RevocationLookup {
  return (prefix) => {
    const found = revocations.filter((revocation) => revocation.prefix === prefix).map(({ before }) => before)
    return found.length === 0 ? undefined : Math.max(...found)
  }
}
