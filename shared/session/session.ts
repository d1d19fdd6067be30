import type { CryptoKey, JWTVerifyOptions, JWTVerifyResult } from 'jose'
import * as errors from 'jose/errors'
import { jwtVerify } from 'jose/jwt/verify'
import { acceptedAlgorithms } from '../config/session-algorithms.ts'
import type { StageConfig } from '../config/stage-config.ts'
import { SessionError, type SessionReason } from '../errors.ts'
import { readClaim } from '../grant/claim.ts'
import { readCookies } from '../http/cookies.ts'
import type { HttpRequest } from '../http/message.ts'
import type { SessionKeySource } from './session-keys.ts'

/** An app session after every check: who it is, what it claims, and when it ends. Made by a `SessionVerifier` only. */
export interface Session {
  readonly sub: string
  readonly claims: Readonly<Record<string, unknown>>
  /** `exp` in epoch seconds, rounded down. */
  readonly expiresAt: number
  /** `iat` in epoch seconds, where the app sets it. */
  readonly issuedAt: number | undefined
}

/** Checks tokens against one stage's `session` config. */
export interface SessionVerifier {
  /**
   * @param now epoch seconds.
   * @throws SessionError where the token does not hold; ServiceError if the service's own keys are not available.
   */
  verify(unverifiedToken: string, now: number): Promise<Session>
}

/**
 * Finds the app session's token: `Authorization: Bearer`, else the session cookie. The token is not verified.
 *
 * A Bearer token was sent on purpose, a cookie by the browser, so the header wins; a bad one is not made up for by a good
 * cookie. The same cookie twice is refused: a sibling domain can plant a second one (RFC 6265 section 8.6), and which of the
 * two is the user's is unknown.
 *
 * @throws SessionError `ERR_SESSION_MISSING`, `ERR_SESSION_DUPLICATE`, `ERR_SESSION_INVALID` for an empty or ill-formed one.
 */
export function readSessionToken(
  request: Pick<HttpRequest, 'headers'>,
  cookieName: string,
  cookies = readCookies(request.headers.cookie),
): string {
  const token = readBearer(request.headers.authorization) ?? readCookie(cookies.get(cookieName))
  const reason = shapeFault(token)
  if (reason !== undefined) throw invalid(reason)
  return token
}

/** Returns why a text is no signed token (RFC 7515 section 7.1); `undefined` for one that has the shape. */
export function shapeFault(token: string): 'encrypted' | 'not-a-jws' | undefined {
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined
  // RFC 7516 section 7.1: five parts. The key may be empty.
  return /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? 'encrypted' : 'not-a-jws'
}

/** Returns true if the session is the one of the `Authorization` header: sent by a program, and not by a browser on its own. */
export function isBearer(request: Pick<HttpRequest, 'headers'>): boolean {
  return readBearer(request.headers.authorization) !== undefined
}

function readBearer(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : /^bearer(?: +(.*))?$/i.exec(authorization)?.slice(1).join('')
}

function readCookie(values: readonly string[] | undefined): string {
  if (values === undefined) throw new SessionError('ERR_SESSION_MISSING')
  if (values.length > 1) throw new SessionError('ERR_SESSION_DUPLICATE')
  // An app that signs out may leave an empty cookie behind.
  if (values[0] === undefined || values[0] === '') throw new SessionError('ERR_SESSION_MISSING')
  return values[0]
}

/** Binds a verifier to a config and the keys. Build it once: the keys are imported on first use and kept. */
export function createSessionVerifier(config: StageConfig['session'], keys: SessionKeySource): SessionVerifier {
  const required = Object.entries(config.requiredClaims).map(([name, values]) => ({ name, values: [values].flat() }))
  const options: JWTVerifyOptions = {
    // RFC 8725 section 3.1: the caller says which algorithms count. A token that chose its own could choose `none`, or HS256
    // with the public key as its secret.
    algorithms: acceptedAlgorithms(config.algorithms),
    requiredClaims: ['exp', 'sub'],
    clockTolerance: config.clockSkewSeconds,
    ...(config.issuer === null ? {} : { issuer: [config.issuer].flat() }),
    ...(config.audience === null ? {} : { audience: [config.audience].flat() }),
  }
  return {
    async verify(unverifiedToken, now) {
      const { payload } = await verifyToken(
        unverifiedToken,
        keys,
        { ...options, currentDate: new Date(now * 1000) },
        now,
      )
      const { sub, exp, iat } = payload
      if (typeof sub !== 'string' || sub === '' || exp === undefined) throw invalid('sub')
      // No tolerance: cookies end with the session, so those of a session that is over would be dead on arrival.
      if (exp <= now) throw new SessionError('ERR_SESSION_EXPIRED', 'exp')
      for (const { name, values } of required) {
        const claim = readClaim(payload, { name })
        if (!values.some((value) => value === claim)) throw invalid(`claim:${name}`)
      }
      return { sub, claims: payload, expiresAt: Math.floor(exp), issuedAt: iat }
    },
  }
}

async function verifyToken(
  token: string,
  keys: SessionKeySource,
  options: JWTVerifyOptions,
  now: number,
): Promise<JWTVerifyResult> {
  // What our own side could not deliver must not look like the viewer's fault, nor the other way round.
  let trouble: unknown
  const findKey = async (header: { alg: string; kid?: string }): Promise<CryptoKey> => {
    try {
      return await keys.keyFor(header, now)
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) trouble = error
      throw error
    }
  }
  try {
    return await jwtVerify(token, findKey, options)
  } catch (error) {
    if (trouble !== undefined) throw trouble
    if (error instanceof errors.JWKSMultipleMatchingKeys) return await verifyWithAny(token, error, options)
    throw sessionError(error)
  }
}

/** A token without `kid` while the key set holds several keys of its kind, as in the middle of the app's key rotation. */
async function verifyWithAny(
  token: string,
  candidates: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  for await (const key of candidates) {
    try {
      return await jwtVerify(token, key, options)
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw sessionError(error)
    }
  }
  throw invalid('signature')
}

/** The cause is left out: jose's errors carry the claims. */
function sessionError(error: unknown): SessionError {
  if (error instanceof errors.JWTExpired) return new SessionError('ERR_SESSION_EXPIRED', 'exp')
  return invalid(reasonOfJose(error))
}

function reasonOfJose(error: unknown): SessionReason {
  if (error instanceof errors.JWTClaimValidationFailed) return claimReasons.find((r) => r === error.claim) ?? 'payload'
  if (error instanceof errors.JOSEAlgNotAllowed) return 'alg'
  if (error instanceof errors.JWKSNoMatchingKey) return 'kid-unknown'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWTInvalid) return 'payload'
  if (error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported) return 'header'
  return 'key'
}

const claimReasons = ['iss', 'aud', 'exp', 'nbf', 'iat', 'sub'] as const

function invalid(reason: SessionReason): SessionError {
  return new SessionError('ERR_SESSION_INVALID', reason)
}
