import type { JSONWebKeySet } from 'jose'
import { deploymentOf } from '../../infra/load-deployment.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { EdgeSignerError, reasonOf, SessionError } from '../../shared/errors.ts'
import { maxGrants } from '../../shared/grant/grants-for.ts'
import { createSessionVerifier } from '../../shared/session/session.ts'
import { keySetKeys, sharedSecretKeys } from '../../shared/session/session-keys.ts'
import { type ExplainOptions, refuseSecondReader } from '../explain/arguments.ts'
import type { CheckFinding } from '../explain/check.ts'
import { fault, marks, pass, unknown } from '../finding.ts'
import { type FetchedKeySet, fetchKeys, judgeKeys } from '../input/key-set.ts'
import { readKeys } from '../input/keys.ts'
import { parseTime, showTime } from '../input/time.ts'
import { printJson, printLines } from '../print.ts'
import { readLocalStage } from '../stage/local-stage.ts'
import { readText, type Terminal } from '../terminal.ts'
import { exitCodes, UsageError } from '../usage-error.ts'
import { type SessionInput, sessionChecks } from './checks.ts'
import { grantResults, type Result } from './grants.ts'
import { readToken } from './token.ts'

/** Keys that verify sessions: public ones, or the secret of HS256. */
export interface SessionKeys {
  readonly keySet: FetchedKeySet | undefined
  readonly secret: string | undefined
}

/** Result of the explanation of a session. */
export interface SessionReport {
  /** `undecided`: no check failed, but not all could be made. */
  readonly verdict: 'granted' | 'refused' | 'undecided'
  readonly results: readonly Result[]
  /** The first failed check: the reason for the refusal. */
  readonly firstFailure: Extract<Result, { status: 'fail' }> | undefined
}

/**
 * Explains a session token, and prints the report.
 *
 * @returns the exit status: 0 if the session would be accepted and grants something.
 * @throws UsageError; ConfigError if the stage is not configured.
 */
export async function runExplainSession(
  args: readonly string[],
  options: ExplainOptions,
  terminal: Terminal,
): Promise<number> {
  if (args.length > 0)
    throw new UsageError('--session reads the token from a file or standard input, never from an argument')
  refuseSecondReader(options)
  const stage = options.stage ?? 'local'
  const { config } = deploymentOf(stage, options.param)
  const now = options.at === undefined ? terminal.now() : parseTime(options.at, '--at', terminal.now())
  const text = await readText(options.session ?? '-', '--session', terminal)
  const trust = await readTrust(options, stage, config.session, terminal)
  const report = await explainSession(text, config, trust, now)
  if (options.json) printJson(terminal, reportJson(report, stage, now))
  else printLines(terminal, reportLines(report, { stage, now, cookieName: config.session.cookieName }))
  return report.verdict === 'granted' ? exitCodes.granted : exitCodes.refused
}

/**
 * Makes each check of the functions, in their order, with the configured value and the kind of what came. No value of the token is in
 * the report.
 *
 * @param text the token, alone or in a header.
 * @param now epoch seconds.
 */
export async function explainSession(
  text: string,
  { session, grants, cookies }: Pick<StageConfig, 'session' | 'grants' | 'cookies'>,
  trust: SessionKeys,
  now: number,
): Promise<SessionReport> {
  const token = readToken(text)
  const input: SessionInput = { token, session, now, keySet: trust.keySet, hasSecret: trust.secret !== undefined }
  const checked: Result[] = sessionChecks.map(({ name, run }) => ({ check: name, ...run(input) }))
  const verified = await verify(input, trust)
  const results = withUnexplained(
    [
      ...checked.slice(0, keyChecks.length),
      { check: 'signature', ...signatureFinding(verified, checked) },
      ...checked.slice(keyChecks.length),
      ...grantResults(token.payload, grants, maxGrants(cookies.domain)),
    ],
    verified,
  )
  const firstFailure = results.find((result) => result.status === 'fail')
  const isOpen = results.some(({ status, check }) => status === 'unknown' && !check.startsWith('grant '))
  return { verdict: firstFailure !== undefined ? 'refused' : isOpen ? 'undecided' : 'granted', results, firstFailure }
}

/** The first checks: without them a signature cannot be judged. */
const keyChecks = ['form', 'header', 'alg', 'kid']

async function readTrust(
  { jwks, secretFile, keys, state }: ExplainOptions,
  stage: string,
  session: SessionInput['session'],
  terminal: Terminal,
): Promise<SessionKeys> {
  if (session.algorithms.includes('HS256')) {
    if (secretFile !== undefined) {
      const text = await readText(secretFile, '--secret-file', terminal)
      return { keySet: undefined, secret: text.replace(/\r?\n$/, '') }
    }
    if (keys !== undefined) {
      return { keySet: undefined, secret: (await readKeys(keys, terminal)).document?.sessionSecret }
    }
    if (stage !== 'local' && state === undefined) return { keySet: undefined, secret: undefined }
    // Without --state, a local stage that was never started is only one thing that is not known.
    const local = await readLocalStage(state).catch((error) =>
      state === undefined ? undefined : Promise.reject(error),
    )
    return { keySet: undefined, secret: local?.document.sessionSecret }
  }
  const { algorithms, jwksUrl } = session
  if (jwks !== undefined)
    return { keySet: givenKeys(await readText(jwks, '--jwks', terminal), algorithms), secret: undefined }
  const builtIn = session.jwks === null ? [] : session.jwks.keys
  if (jwksUrl === null) return { keySet: { fault: undefined, keys: builtIn, answeredAt: undefined }, secret: undefined }
  const fetched = await fetchKeys(jwksUrl, algorithms)
  const isEnough = fetched.fault === undefined || builtIn.length > 0
  const found = fetched.fault === undefined ? fetched.keys : []
  return {
    keySet: isEnough ? { fault: undefined, keys: [...builtIn, ...found], answeredAt: fetched.answeredAt } : fetched,
    secret: undefined,
  }
}

function givenKeys(text: string, algorithms: readonly string[]): FetchedKeySet {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new UsageError('--jwks: the file is not JSON')
  }
  const keys = judgeKeys(document, algorithms)
  return 'fault' in keys ? { fault: keys } : { fault: undefined, keys, answeredAt: undefined }
}

/** Judges the token with the verifier of the functions: `valid`, their error, or `undefined` without keys. */
async function verify(
  { token, session, now, keySet }: SessionInput,
  { secret }: SessionKeys,
): Promise<'valid' | EdgeSignerError | undefined> {
  if (token.fault !== undefined) return undefined
  const keys =
    keySet !== undefined && keySet.fault === undefined
      ? keySetKeys({ keys: [...keySet.keys] } as JSONWebKeySet, undefined)
      : secret === undefined
        ? undefined
        : sharedSecretKeys(async () => secret)
  if (keys === undefined) return undefined
  try {
    await createSessionVerifier(session, keys).verify(token.text, now)
    return 'valid'
  } catch (error) {
    if (error instanceof EdgeSignerError) return error
    throw error
  }
}

/** The functions check the signature before every claim, so another reason means that it holds. */
function signatureFinding(verified: Awaited<ReturnType<typeof verify>>, checked: readonly Result[]): CheckFinding {
  const isKeyWrong = checked.some(({ check, status }) => status === 'fail' && keyChecks.includes(check))
  if (verified === undefined || isKeyWrong) return unknown('without the right key it cannot be checked')
  if (verified === 'valid') return pass('the key made the signature')
  if (!(verified instanceof SessionError)) {
    return fault('secret-unusable', verified.message, 'Use a secret of at least 32 bytes.')
  }
  switch (verified.reason) {
    case 'signature':
      return fault(
        'signature',
        'the key did not make the signature over this token',
        'Another key or secret signed, or the token was changed. A secret is used as its UTF-8 text, never base64-decoded.',
      )
    case 'key':
      return fault('key-unusable', 'the key of the token cannot be imported', 'Let the issuer publish a whole key.')
    default:
      return pass('the key made the signature')
  }
}

/** Adds a failed check where the verifier refuses and no check found why: the report must not read as accepted. */
function withUnexplained(results: readonly Result[], verified: Awaited<ReturnType<typeof verify>>): readonly Result[] {
  if (verified === undefined || verified === 'valid' || results.some(({ status }) => status === 'fail')) return results
  const detail = `the functions answer ${verified.code} (${reasonOf(verified) ?? 'no reason'}), and none of the checks says why`
  return [...results, { check: 'verifier', ...fault('unexplained', detail, 'Compare the token with one that works.') }]
}

function reportJson({ verdict, results, firstFailure }: SessionReport, stage: string, now: number): object {
  return {
    verdict,
    stage,
    at: showTime(now),
    firstFailure: firstFailure?.check ?? null,
    fault: firstFailure?.fault ?? null,
    remedy: firstFailure?.remedy ?? null,
    checks: results,
  }
}

function reportLines(
  { verdict, results, firstFailure: first }: SessionReport,
  { stage, now, cookieName }: { readonly stage: string; readonly now: number; readonly cookieName: string },
): string[] {
  const width = Math.max(...results.map(({ check }) => check.length))
  const end =
    first !== undefined
      ? [`REFUSED at ${first.check} (${first.fault}): ${first.detail}`, `What to do: ${first.remedy}`]
      : verdict === 'granted'
        ? ['GRANTED: the session is accepted. Revocations are not checked here.']
        : ['UNDECIDED: no check failed, but not enough was given to make all of them.']
  return [
    `stage    ${stage} (send the token as Authorization: Bearer, or in the cookie ${cookieName})`,
    `time     ${showTime(now)}`,
    '',
    ...results.map(({ check, status, detail }) => `  ${marks[status]}  ${check.padEnd(width)}  ${detail}`),
    '',
    ...end,
  ]
}
