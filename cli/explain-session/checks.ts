import { createPublicKey } from 'node:crypto'
import type { Deployment } from '../../shared/config/parse.ts'
import { acceptedAlgorithms, canVerify } from '../../shared/config/session-algorithms.ts'
import { readClaim } from '../../shared/grant/claim.ts'
import type { CheckFinding } from '../explain/check.ts'
import { type Fault, fault, pass, unknown } from '../finding.ts'
import { describeKey, type FetchedKeySet } from '../input/key-set.ts'
import { showDuration, showTime } from '../input/time.ts'
import { kindOf, type UnverifiedToken } from './token.ts'

type Fields = Readonly<Record<string, unknown>>
type SessionConfig = Deployment['config']['session']

/** Input of the checks. Configured values are shown, and of the token only kinds. */
export interface SessionInput {
  readonly token: UnverifiedToken
  readonly session: SessionConfig
  readonly now: number
  /** The app's public keys; `undefined` for HS256. */
  readonly keySet: FetchedKeySet | undefined
  /** True if the secret of HS256 is known here. */
  readonly hasSecret: boolean
}

/** One check of a session, in the order in which the functions make them. */
export interface SessionCheck {
  readonly name: string
  run(input: SessionInput): CheckFinding
}

const unread = unknown('the token cannot be read')

const form: SessionCheck = {
  name: 'form',
  run: ({ token }) => token.fault ?? pass('a signed token with three parts'),
}

const header: SessionCheck = {
  name: 'header',
  run({ token }) {
    if (token.fault !== undefined) return unread
    if (token.header === undefined)
      return fault('header', 'the header is not JSON', 'Send the token as the issuer wrote it.')
    if (token.header.crit !== undefined) {
      return fault(
        'header-crit',
        'the header has crit, which no check here understands',
        'Let the issuer leave it out.',
      )
    }
    if (token.header.nonce !== undefined) {
      return fault(
        'header-nonce',
        'the header has a nonce: Microsoft signs tokens for its own APIs so that only they can verify them',
        'Ask for a token for your own API: expose a scope of the app, and request that scope.',
      )
    }
    return pass(`a header with alg ${kindOf(token.header.alg)}, kid ${kindOf(token.header.kid)}`)
  },
}

const algorithm: SessionCheck = {
  name: 'alg',
  run({ token, session }) {
    if (token.header === undefined) return unread
    const { alg } = token.header
    const accepted = acceptedAlgorithms(session.algorithms)
    if (typeof alg === 'string' && accepted.includes(alg)) return pass(`one of ${accepted.join(', ')}`)
    const isHmac = typeof alg === 'string' && /^HS\d+$/.test(alg)
    const isNone = typeof alg === 'string' && alg.toLowerCase() === 'none'
    const what = isNone
      ? 'none'
      : isHmac
        ? 'that of a shared secret (HS…)'
        : kindOf(alg) === 'a text'
          ? 'another'
          : kindOf(alg)
    return fault(
      'alg',
      `the algorithm of the token is ${what}, and session.algorithms is ${session.algorithms.join(', ')}`,
      isNone
        ? 'Let the issuer sign the token.'
        : 'Set session.algorithms to the one that the issuer signs with, or send the token that the issuer made for this API.',
    )
  },
}

const key: SessionCheck = {
  name: 'kid',
  run({ token, session, keySet, hasSecret }) {
    if (session.algorithms.includes('HS256')) {
      return hasSecret
        ? pass('HS256 has one secret')
        : unknown('give the secret with --secret-file, or the key document with --keys')
    }
    if (keySet === undefined) return unknown('the key set is not known')
    if (keySet.fault !== undefined) return keySet.fault
    if (token.header === undefined) return unread
    const { kid, alg } = token.header
    const named = keySet.keys.filter((candidate) => kid === undefined || candidate.kid === kid)
    if (named.length === 0) {
      return fault(
        'kid-unknown',
        `the token names a key that is not among the ${keySet.keys.length} of the key set`,
        'Another issuer or tenant made the token, or jwksUrl is that of another one. A new key is fetched within 30 s.',
      )
    }
    if (typeof alg === 'string' && !named.some((candidate) => canVerify(candidate, [alg]))) {
      return fault(
        'key-of-other-kind',
        `no key verifies the algorithm of the token: ${named.map(describeKey).join(', ')}`,
        'Let the issuer publish the key that it signs with.',
      )
    }
    const small = named.find((candidate) => candidate.kty === 'RSA' && bitsOf(candidate) < 2048)
    if (small !== undefined) {
      return fault(
        'key-too-small',
        `the RSA key has ${bitsOf(small)} bits, and at least 2048 are needed`,
        'Let the issuer sign with a larger key.',
      )
    }
    return pass(kid === undefined ? `no kid: ${named.length} keys are tried` : 'the key is in the key set')
  },
}

function bitsOf(jwk: Fields): number {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails?.modulusLength ?? 0
  } catch {
    return 0
  }
}

const issuer = textCheck('iss', 'issuer', 'The token is of another issuer: ask that one, or add it to session.issuer.')
const audience = textCheck(
  'aud',
  'audience',
  'Ask the issuer for a token for this audience, or add that of the token to session.audience.',
)

/** A claim that must be one of the configured texts. */
function textCheck(claim: 'iss' | 'aud', field: 'issuer' | 'audience', remedy: string): SessionCheck {
  return {
    name: claim,
    run({ token, session }) {
      const configured = session[field]
      if (configured === null) return pass(`session.${field} is null: not checked`)
      if (token.payload === undefined) return unread
      const wanted = [configured].flat()
      const value = token.payload[claim]
      const values = [value].flat()
      if (values.some((item) => wanted.some((text) => text === item))) return pass(`one of ${wanted.join(', ')}`)
      const hint = nearMiss(values, wanted) ?? (claim === 'aud' ? audienceHint(token.payload, wanted) : undefined)
      return fault(
        claim,
        `expected ${wanted.join(' or ')}; ${value === undefined || value === null ? 'it is absent' : `came ${kindOf(value)}${hint === undefined ? ' with another value' : `, ${hint.what}`}`}${value === undefined && hint !== undefined ? `, ${hint.what}` : ''}`,
        hint?.remedy ?? remedy,
      )
    },
  }
}

interface Hint {
  readonly what: string
  readonly remedy: string
}

/** Differences that the eye misses. They are between the two texts, so they show no value. */
function nearMiss(values: readonly unknown[], wanted: readonly string[]): Hint | undefined {
  const remedy = 'Write the value in edge-signer.config.ts exactly as the issuer does.'
  const differences: readonly [string, (text: string) => string][] = [
    ['which differs by a slash at its end', (text) => text.replace(/\/$/, '')],
    ['which differs by its scheme', (text) => text.replace(/^https?:\/\//, '')],
    ['which differs by upper and lower case', (text) => text.toLowerCase()],
    ['which differs by white space', (text) => text.trim()],
  ]
  const found = differences.find(([, simplify]) =>
    values.some((value) => typeof value === 'string' && wanted.some((text) => simplify(text) === simplify(value))),
  )
  return found && { what: found[0], remedy }
}

/** Microsoft Graph, in tokens of Entra ID. */
const graph = ['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com']

function audienceHint(payload: Fields, wanted: readonly string[]): Hint | undefined {
  if ([payload.aud].flat().some((value) => typeof value === 'string' && graph.includes(value))) {
    return {
      what: 'which is Microsoft Graph',
      remedy: 'Ask for a token for your own API: expose a scope of the app, and request that scope.',
    }
  }
  const other = ['client_id', 'azp', 'cid', 'appid'].find((name) => wanted.some((text) => text === payload[name]))
  if (other === undefined) return undefined
  return {
    what: `while ${other} has that value`,
    remedy: `Set session.audience to null and session.requiredClaims to { ${other}: … }, as access tokens of this issuer need.`,
  }
}

/** Times above this are milliseconds: the year 5138 in seconds. */
const maxSeconds = 100_000_000_000

const expiry: SessionCheck = {
  name: 'exp',
  run({ token, now }) {
    if (token.payload === undefined) return unread
    const { exp } = token.payload
    const malformed = timeFault('exp', exp, true)
    if (malformed !== undefined) return malformed
    if ((exp as number) > now) return pass(`ends in ${showDuration((exp as number) - now)}`)
    return fault(
      'exp',
      `ended ${showDuration(now - (exp as number))} before ${showTime(now)}`,
      'Sign in again, or refresh the token. If it is new, the clock of the issuer or of this machine is wrong.',
    )
  },
}

const start: SessionCheck = {
  name: 'nbf',
  run({ token, session, now }) {
    if (token.payload === undefined) return unread
    const { nbf, iat } = token.payload
    const malformed = timeFault('nbf', nbf, false) ?? timeFault('iat', iat, false)
    if (malformed !== undefined) return malformed
    const ahead = (typeof nbf === 'number' ? nbf : now) - now
    if (ahead > session.clockSkewSeconds) {
      return fault(
        'nbf',
        `begins ${showDuration(ahead)} after ${showTime(now)}, and clockSkewSeconds is ${session.clockSkewSeconds}`,
        'The clock of the issuer is ahead, or that of this machine behind: compare both with a time server.',
      )
    }
    const issuedAhead = typeof iat === 'number' ? iat - now : 0
    return issuedAhead > session.clockSkewSeconds
      ? pass(`valid; but it was issued ${showDuration(issuedAhead)} after ${showTime(now)}: a clock is wrong`)
      : pass(nbf === undefined ? 'valid at once: no nbf' : 'in the past, or within clockSkewSeconds')
  },
}

function timeFault(claim: string, value: unknown, isRequired: boolean): Fault | undefined {
  const remedy = `Let the issuer write ${claim} in epoch seconds, as a number (RFC 7519 section 2).`
  if (value === undefined) return isRequired ? fault(`${claim}-missing`, 'it is absent', remedy) : undefined
  if (typeof value !== 'number') return fault(`${claim}-not-a-number`, `${claim} is ${kindOf(value)}`, remedy)
  return value > maxSeconds ? fault(`${claim}-in-milliseconds`, `${claim} looks like milliseconds`, remedy) : undefined
}

const required: SessionCheck = {
  name: 'requiredClaims',
  run({ token, session }) {
    const names = Object.keys(session.requiredClaims)
    if (names.length === 0) return pass('none is configured')
    if (token.payload === undefined) return unread
    for (const [name, configured] of Object.entries(session.requiredClaims)) {
      const wanted: readonly unknown[] = [configured].flat()
      const value = readClaim(token.payload, { name })
      if (wanted.includes(value)) continue
      return fault(
        `claim:${name}`,
        `${name}: expected ${wanted.join(' or ')}; ${value === undefined ? 'it is absent' : `came ${kindOf(value)} with another value`}`,
        name === 'token_use'
          ? 'Cognito makes an ID token and an access token: send the other one.'
          : 'Send the token that has the claim, or correct session.requiredClaims.',
      )
    }
    return pass(names.join(', '))
  },
}

const subject: SessionCheck = {
  name: 'sub',
  run({ token }) {
    if (token.payload === undefined) {
      return token.fault === undefined
        ? fault('payload', 'the payload is not a JSON object', 'Send a JWT (RFC 7519).')
        : unread
    }
    const { sub } = token.payload
    if (typeof sub === 'string' && sub !== '') return pass('a text')
    return fault('sub', `it is ${kindOf(sub)}`, 'Let the issuer name the user in sub, as a text.')
  },
}

/** The checks up to the grants. The signature is checked by the verifier of the functions itself. */
export const sessionChecks: readonly SessionCheck[] = [
  form,
  header,
  algorithm,
  key,
  issuer,
  audience,
  expiry,
  start,
  required,
  subject,
]
