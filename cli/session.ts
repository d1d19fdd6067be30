import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import { deploymentOf } from '../infra/load-deployment.ts'
import { firstOf } from '../shared/config/session-algorithms.ts'
import type { StageConfig } from '../shared/config/stage-config.ts'
import { describeKeyForm } from '../shared/keys/key-form.ts'
import { parseDuration, showTime } from './input/time.ts'
import { printJson, printLine } from './print.ts'
import { readLocalStage } from './stage/local-stage.ts'
import { readText, type Terminal } from './terminal.ts'
import { exitCodes, UsageError } from './usage-error.ts'

/** Options of `edge-signer session`. */
export interface SessionOptions {
  readonly stage?: string
  readonly param?: readonly string[]
  readonly claim?: readonly string[]
  readonly expiresIn?: string
  readonly issuer?: string
  readonly audience?: string
  readonly key?: string
  readonly secretFile?: string
  readonly state?: string
  readonly alg?: string
  readonly kid?: string
  readonly cookie?: boolean
  readonly json?: boolean
}

type Algorithm = StageConfig['session']['algorithms'][number]

/** A working day, in seconds. */
const defaultLifetime = 8 * 3600

/**
 * Makes a session token like the app of a stage would, and prints it.
 *
 * @returns the exit status.
 * @throws UsageError; ConfigError if the stage is not in edge-signer.config.ts.
 */
export async function runSession(sub: string, options: SessionOptions, terminal: Terminal): Promise<number> {
  const stage = options.stage ?? 'local'
  const { session } = deploymentOf(stage, options.param).config
  const now = terminal.now()
  const expires =
    now + (options.expiresIn === undefined ? defaultLifetime : parseDuration(options.expiresIn, '--expires-in'))
  const { key, alg } = await readSessionKey(options, stage, session, terminal)
  const payload: JWTPayload = {
    ...firstValues(session.requiredClaims),
    ...parseClaims(options.claim ?? []),
    sub,
    iat: now,
    exp: expires,
    ...claimOf('iss', options.issuer ?? firstOf(session.issuer)),
    ...claimOf('aud', options.audience ?? firstOf(session.audience)),
  }
  const header = { alg, typ: 'JWT', ...(options.kid === undefined ? {} : { kid: options.kid }) }
  const token = await new SignJWT(payload)
    .setProtectedHeader(header)
    .sign(key)
    .catch(() => {
      throw new UsageError(`the key cannot sign ${alg}: it is of another kind or too short`)
    })
  const { cookieName } = session
  if (options.json) printJson(terminal, { token, cookieName, alg, expiresAt: showTime(expires) })
  else printLine(terminal, options.cookie ? `Cookie: ${cookieName}=${token}` : token)
  return exitCodes.granted
}

async function readSessionKey(
  options: SessionOptions,
  stage: string,
  session: StageConfig['session'],
  terminal: Terminal,
): Promise<{ key: KeyObject; alg: Algorithm }> {
  if (options.key !== undefined && options.secretFile !== undefined) {
    throw new UsageError('--key and --secret-file exclude each other')
  }
  if (options.key !== undefined) {
    const key = parsePrivateKey(await readText(options.key, '--key', terminal))
    return { key, alg: chooseAlgorithm(options.alg, session.algorithms, algorithmsOf(key)) }
  }
  const secret = await readSecret(options, stage, terminal)
  // RFC 7518 section 3.2. The verifier refuses shorter secrets as well.
  if (Buffer.byteLength(secret) < 32) throw new UsageError('the session secret must have at least 32 bytes')
  return { key: createSecretKey(secret, 'utf8'), alg: chooseAlgorithm(options.alg, session.algorithms, ['HS256']) }
}

async function readSecret(options: SessionOptions, stage: string, terminal: Terminal): Promise<string> {
  if (options.secretFile !== undefined) {
    // An editor ends a file with a line break, which is not part of the secret.
    return (await readText(options.secretFile, '--secret-file', terminal)).replace(/\r?\n$/, '')
  }
  if (stage !== 'local') throw new UsageError(`stage ${stage}: give the app's key with --key or --secret-file`)
  const { document } = await readLocalStage(options.state)
  if (document.sessionSecret === undefined) throw new UsageError('the local key document has no sessionSecret')
  return document.sessionSecret
}

function parsePrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new UsageError(`--key: the key ${describeKeyForm(pem, 'PRIVATE KEY')}`)
  }
}

function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  if (key.asymmetricKeyType === 'rsa') return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA']
  const curves: Readonly<Record<string, Algorithm>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (curve === undefined) throw new UsageError('--key: must be an RSA, P-256, P-384, P-521 or Ed25519 key')
  return [curve]
}

/** Returns the requested algorithm, or the first one that both the stage accepts and the key supports. */
function chooseAlgorithm(
  requested: string | undefined,
  accepted: readonly Algorithm[],
  supported: readonly Algorithm[],
): Algorithm {
  const chosen =
    requested === undefined
      ? (supported.find((alg) => accepted.includes(alg)) ?? supported[0])
      : supported.find((alg) => alg === requested)
  if (chosen === undefined) throw new UsageError(`--alg: this key supports ${supported.join(', ')}`)
  return chosen
}

function firstValues(claims: StageConfig['session']['requiredClaims']): JWTPayload {
  return Object.fromEntries(Object.entries(claims).map(([name, values]) => [name, firstOf(values)]))
}

function claimOf(name: string, value: string | null): Record<string, string> {
  return value === null ? {} : { [name]: value }
}

/** Claims that the command sets itself. */
const reservedClaims = ['sub', 'iss', 'aud', 'iat', 'exp']

/**
 * Parses `--claim name=text`; repeating a name makes a list. `name:=json` sets any JSON value.
 *
 * @throws UsageError if the option is malformed, or names a claim that the command sets itself.
 */
function parseClaims(options: readonly string[]): Record<string, unknown> {
  const claims = new Map<string, unknown>()
  for (const option of options) {
    const match = /^([A-Za-z0-9_:.-]*[A-Za-z0-9_.-])(:?)=(.*)$/s.exec(option)
    const name = match?.[1]
    if (match === null || name === undefined) throw new UsageError('--claim must be <name>=<text> or <name>:=<JSON>')
    if (reservedClaims.includes(name)) throw new UsageError(`--claim: ${name} is set by the command`)
    const value = match[2] === ':' ? parseJson(match[3] ?? '') : match[3]
    const before = claims.get(name)
    if (before === undefined) claims.set(name, value)
    else claims.set(name, [...(Array.isArray(before) ? before : [before]), value])
  }
  return Object.fromEntries(claims)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new UsageError('--claim: the text after := must be JSON')
  }
}
