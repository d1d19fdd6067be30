import * as v from 'valibot'
import { sessionSchema } from '../shared/config/session-schema.ts'
import { ConfigError } from '../shared/errors.ts'
import { send } from '../shared/http/https-send.ts'
import { createSessionVerifier, readSessionToken, type Session } from '../shared/session/session.ts'
import { fetchKeySet, keySetKeys, sharedSecretKeys } from '../shared/session/session-keys.ts'

/** How the app's sessions are verified: the fields of `session` in `edge-signer.config.ts`, and for HS256 the secret. */
export type SessionsOptions = v.InferInput<typeof sessionSchema> & {
  /** For HS256: at least 32 bytes. */
  readonly secret?: string
}

/** Verifies sessions. Open it once for a process: it keeps the keys. */
export interface Sessions {
  /** @param now epoch seconds. */
  verify(headers: RequestHeaders, now: number): Promise<Session>
}

/** Headers of a request: of `fetch`, or with lower-case names of Node or Lambda. */
export type RequestHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Opens the verification of sessions.
 *
 * @throws ConfigError naming the field and what it should be.
 */
export function openSessions(given: SessionsOptions): Sessions {
  if (typeof given !== 'object' || given === null) throw new ConfigError('sessions: must be an object')
  const { secret, ...options } = given
  const parsed = v.safeParse(sessionSchema, options)
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw new ConfigError(`${v.getDotPath(issue) ?? 'sessions'}: ${issue.message}`)
  }
  const { algorithms, jwks, jwksUrl, cookieName } = parsed.output
  // RFC 7518 section 3.2. Found here it stops the start; found later it refuses every user.
  if (algorithms.includes('HS256') && (typeof secret !== 'string' || Buffer.byteLength(secret) < 32))
    throw new ConfigError('secret: HS256 needs a text of at least 32 bytes')
  const keys = algorithms.includes('HS256')
    ? sharedSecretKeys(async () => secret)
    : keySetKeys(jwks, jwksUrl === null ? undefined : () => fetchKeySet(jwksUrl, { send }))
  const verifier = createSessionVerifier(parsed.output, keys)
  return {
    verify: async (headers, now) =>
      verifier.verify(readSessionToken({ headers: lowerCased(headers) }, cookieName), now),
  }
}

/**
 * Verifies the app session of a request: `Authorization: Bearer`, else the session cookie.
 *
 * @param now default: the clock.
 * @throws SessionError where the request has no good session; ServiceError where the keys are not available.
 */
export function verifySession(headers: RequestHeaders, sessions: Sessions, now = new Date()): Promise<Session> {
  return sessions.verify(headers, Math.floor(now.getTime() / 1000))
}

function lowerCased(headers: RequestHeaders): Record<string, string> {
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers)
  return Object.fromEntries(
    entries.flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), typeof value === 'string' ? value : value.join('; ')]],
    ),
  )
}
