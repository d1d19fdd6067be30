import type { StageConfig } from '../config/stage-config.ts'
import { type KeyDocument, parseKeyDocument, parseSessionSecret } from '../keys/key-document.ts'
import { RefreshingCache } from '../operations/refreshing-cache.ts'
import { type KnownRevocations, parseRevocationState } from '../revocation/state.ts'
import { createSessionVerifier, type SessionVerifier } from './session.ts'
import { keySetKeys, sharedSecretKeys } from './session-keys.ts'

/** Keys and revocations that sessions are verified against, fetched on demand and cached. The same at the edge and in the API. */
export interface SessionTrust {
  readonly verifier: SessionVerifier
  /** @throws ServiceError. */
  readonly keys: (now: number) => Promise<KeyDocument>
  /** @throws ServiceError. */
  readonly revocations: (now: number) => Promise<KnownRevocations>
  /** Begins to fetch the keys that the first session needs. A failure is met by who asks for them. */
  readonly prefetch: (now: number) => void
}

/** Source of the value. */
export interface SessionTrustDependencies {
  /** The text of the key document. */
  readonly loadKeys: () => Promise<string>
  /** The text of the revocation state. Rejects where there is none: that would give back all that was revoked. */
  readonly loadState: () => Promise<string>
  /** Fetches a JWK Set. */
  readonly loadKeySet: (url: string) => Promise<unknown>
  /** A number from 0 up to 1. */
  readonly random: () => number
}

/** Asked again after 5 minutes; through an outage the last document serves for an hour, far less than a retired key lives. */
const keyTimes = { softTtl: 300, hardTtl: 3600 }
/**
 * Seconds for which the last secret of HS256 sessions verifies while the document cannot be read. It signs nothing, so it may outlive the
 * keys: users stay signed in through an outage, and S3 can sign their downloads (`downloads.fallbackToS3`).
 */
const secretTtl = 86_400
/** A revocation reaches every warm function in 30 s; one that has heard nothing for 5 minutes trusts nobody. */
const stateTimes = { softTtl: 30, hardTtl: 300 }

/** Wires it. Fetches nothing yet. */
export function createSessionTrust(config: StageConfig['session'], sources: SessionTrustDependencies): SessionTrust {
  const { random } = sources
  let lastSecret: { readonly value: string | undefined; readonly readAt: number } | undefined
  const keyCache = new RefreshingCache({
    load: async (now) => {
      const text = await sources.loadKeys()
      // Read apart from the signing keys: one that is wrong signs nobody out.
      lastSecret = { value: parseSessionSecret(text), readAt: now }
      return parseKeyDocument(text)
    },
    random,
    ...keyTimes,
  })
  const stateCache = new RefreshingCache({
    load: async (now) => ({ ...parseRevocationState(await sources.loadState()), readAt: now }),
    random,
    ...stateTimes,
  })
  const keys = (now: number) => keyCache.get(now)
  const secret = async (now: number) => {
    try {
      return (await keys(now)).sessionSecret
    } catch (error) {
      if (lastSecret === undefined || now - lastSecret.readAt >= secretTtl) throw error
      return lastSecret.value
    }
  }
  const ofSessions = sessionKeys(config, sources, secret)
  return {
    verifier: createSessionVerifier(config, ofSessions),
    keys,
    revocations: (now) => stateCache.get(now),
    prefetch(now) {
      keyCache.get(now).catch(() => {})
      ofSessions.prefetch?.(now)
    },
  }
}

function sessionKeys(
  { algorithms, jwks, jwksUrl }: StageConfig['session'],
  { loadKeySet }: SessionTrustDependencies,
  secret: (now: number) => Promise<string | undefined>,
) {
  if (algorithms.includes('HS256')) return sharedSecretKeys(secret)
  return keySetKeys(jwks, jwksUrl === null ? undefined : () => loadKeySet(jwksUrl))
}
