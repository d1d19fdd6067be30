import type { CryptoKey, JSONWebKeySet } from 'jose'
import * as errors from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import { edwardsNames } from '../config/session-algorithms.ts'
import { ServiceError } from '../errors.ts'
import type { Send } from '../http/message.ts'
import { staleLoadSeconds } from '../operations/refreshing-cache.ts'

/** The header fields of an unverified token that choose a key. */
export interface UnverifiedHeader {
  readonly alg: string
  readonly kid?: string | undefined
}

/** Source of the keys that verify sessions. */
export interface SessionKeySource {
  /**
   * @param now epoch seconds.
   * @throws jose's JWKSNoMatchingKey where there is no such key; ServiceError if the keys are not available.
   */
  keyFor(header: UnverifiedHeader, now: number): Promise<CryptoKey>
  /** Begins to fetch what the first `keyFor` will need. */
  prefetch?(now: number): void
}

/**
 * The app's shared secret for HS256. `loadSecret` is asked each time (a cache answers); the key is imported again only when
 * the secret changed. The UTF-8 bytes of the text, as it is written in the key document, are the key.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where there is no secret, or one under 32 bytes (RFC 7518 section 3.2): it could be
 *   guessed offline from any one session.
 */
export function sharedSecretKeys(loadSecret: (now: number) => Promise<string | undefined>): SessionKeySource {
  let secret: string | undefined
  let key: Promise<CryptoKey> | undefined
  return {
    async keyFor(_header, now) {
      const current = await loadSecret(now)
      if (key === undefined || current !== secret) {
        secret = current
        key = importSecret(current)
      }
      return key
    },
  }
}

async function importSecret(secret: string | undefined): Promise<CryptoKey> {
  const bytes = Buffer.from(secret ?? '', 'utf8')
  if (bytes.length < 32) {
    throw new ServiceError('ERR_KEYS_INVALID', 'HS256 needs a sessionSecret of at least 32 bytes in the key document')
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** A fetch of the app's JWK Set (RFC 7517). Rejects if it is not available; has its own time-out. */
export type LoadKeySet = () => Promise<unknown>

/** How long a fetched key set is used. All in seconds. */
export interface KeySetTimes {
  /** Older than this, it is fetched again; meanwhile an outage changes nothing. */
  readonly softTtl: number
  /** Older than this, it is not used any more: a key that the app withdrew must not live on through an outage. */
  readonly hardTtl: number
  /** The least time between two fetches. Viewers choose `kid`s, so without it they choose our fetches. */
  readonly coolDown: number
}

const keySetTimes: KeySetTimes = { softTtl: 600, hardTtl: 3600, coolDown: 30 }

/** The least time between two fetches while there is nothing to work with. */
const retryAfter = 2

type LocalKeySet = (header: UnverifiedHeader) => Promise<CryptoKey>

/**
 * jose's key set, which searches and compares for each token, with a memory of what it found for an algorithm and `kid`. Only
 * what was found is kept, so there are no more entries than keys times algorithms.
 */
function openKeySet(document: unknown): LocalKeySet {
  const keySet = createLocalJWKSet(withBothNames(document) as JSONWebKeySet)
  const found = new Map<string, CryptoKey>()
  return async ({ alg, kid }) => {
    if (kid === undefined) return keySet({ alg })
    // No algorithm that has a key holds a space, so two headers never share an entry.
    const name = `${alg} ${kid}`
    const key = found.get(name) ?? (await keySet({ alg, kid }))
    found.set(name, key)
    return key
  }
}

/** jose compares a key's `alg` with the token's as text, but a key of `EdDSA` also verifies `Ed25519`. Its curve says enough. */
function withBothNames(document: unknown): unknown {
  const { keys } = (document ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) return document
  return { keys: keys.map((key) => (edwardsNames.includes(key?.alg) ? { ...key, alg: undefined } : key)) }
}

/**
 * The app's public keys: `preload` (built into the bundle) answers without a fetch, `load` gives what is newer.
 * An unknown `kid` makes one fetch per cool-down.
 */
export function keySetKeys(
  preload: JSONWebKeySet | null,
  load: LoadKeySet | undefined,
  times: KeySetTimes = keySetTimes,
): SessionKeySource {
  const builtIn = preload === null ? undefined : openKeySet(preload)
  const remote = load === undefined ? undefined : remoteKeySet(load, times)
  return {
    async keyFor(header, now) {
      if (builtIn !== undefined) {
        const key = await findKey(builtIn, header)
        if (key !== undefined) return key
      }
      if (remote === undefined) throw new errors.JWKSNoMatchingKey()
      return remote.keyFor(header, now)
    },
    prefetch(now) {
      // Built-in keys are enough for most sessions.
      if (builtIn === undefined) remote?.prefetch?.(now)
    },
  }
}

function remoteKeySet(load: LoadKeySet, times: KeySetTimes): SessionKeySource {
  let keySet: LocalKeySet | undefined
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let pending: Promise<void> | undefined

  /** One fetch at a time; concurrent callers wait for it. */
  const refresh = (now: number): Promise<void> => {
    triedAt = now
    pending ??= load()
      .then((document) => {
        keySet = openKeySet(document)
        fetchedAt = now
      })
      // The cause stays behind: an error of `fetch` may quote the answer.
      .catch(() => {
        throw new ServiceError('ERR_JWKS_UNAVAILABLE')
      })
      .finally(() => {
        pending = undefined
      })
    return pending
  }

  return {
    prefetch(now) {
      refresh(now).catch(() => {})
    },
    async keyFor(header, now) {
      const age = now - fetchedAt
      if (keySet === undefined || age >= times.hardTtl) {
        if (pending === undefined && now - triedAt < retryAfter) throw new ServiceError('ERR_JWKS_UNAVAILABLE')
        const isStale = pending !== undefined && now - triedAt > staleLoadSeconds
        await (isStale ? pending?.catch(() => refresh(now)) : refresh(now))
      } else if (age >= times.softTtl && now - triedAt >= times.coolDown) {
        // One caller waits (Lambda freezes work left behind); where the fetch fails, what we have still holds.
        await refresh(now).catch(() => {})
      }
      const key = keySet && (await findKey(keySet, header))
      if (key !== undefined) return key
      // Within the cool-down an unknown `kid` is the viewer's mistake, not an outage.
      if (pending === undefined && now - triedAt < times.coolDown) throw new errors.JWKSNoMatchingKey()
      await refresh(now)
      const newer = keySet && (await findKey(keySet, header))
      if (newer === undefined) throw new errors.JWKSNoMatchingKey()
      return newer
    },
  }
}

async function findKey(keySet: LocalKeySet, header: UnverifiedHeader): Promise<CryptoKey | undefined> {
  try {
    return await keySet(header)
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return undefined
    // A key of the set that cannot be imported verifies nothing; which one is asked for is the viewer's choice.
    throw error instanceof errors.JOSEError ? error : new errors.JWKSInvalid()
  }
}

/** Each of two tries has this long: together less than the 5 s that a viewer-request function has. */
const keySetTryMs = 1500

/**
 * Fetches the app's JWK Set (RFC 7517), with a second try after a fault of the network, a time-out and 5xx. A redirect is refused:
 * the address in the config is the one that was trusted.
 *
 * @throws ServiceError `ERR_JWKS_UNAVAILABLE`, SyntaxError for a text that is not JSON, or what `send` throws.
 */
export async function fetchKeySet(url: string, { send }: { readonly send: Send }): Promise<unknown> {
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const ask = () => send({ url, method: 'GET', headers }, keySetTryMs)
  const first = await ask().catch(() => undefined)
  const { status, body } = first !== undefined && first.status < 500 ? first : await ask()
  if (status !== 200) throw new ServiceError('ERR_JWKS_UNAVAILABLE')
  return JSON.parse(body)
}
