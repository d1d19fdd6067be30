import { createPolicySigner, type KmsSign, type PolicySigner } from '../../shared/cloudfront/signer.ts'
import type { OriginCheck } from '../../shared/http/allowed-origins.ts'
import { parseAllowedOrigins } from '../../shared/http/allowed-origins.ts'
import { type KeyDocument, parseKeyDocument, type SigningKey } from '../../shared/keys/key-document.ts'
import { RefreshingCache } from '../../shared/keys/refreshing-cache.ts'
import type { SecretStore } from '../../shared/keys/secret-store.ts'
import { parseRevocationState, type RevocationState } from '../../shared/revocation/state.ts'
import { createSessionVerifier, type SessionVerifier } from '../../shared/session/session.ts'
import { keySetKeys, type LoadKeySet, sharedSecretKeys } from '../../shared/session/session-keys.ts'
import type { SessionFunctionConfig } from './config.ts'

/** The text of the revocation state; `undefined` where nothing was ever revoked. */
export interface StateStore {
  /** @throws ServiceError `ERR_STATE_UNAVAILABLE`. */
  load(): Promise<string | undefined>
}

/** What the function fetches, behind interfaces. */
export interface SessionStores {
  readonly secrets: SecretStore
  readonly state: StateStore
  /** Fetches a JWK Set. */
  readonly loadKeySet: (url: string) => ReturnType<LoadKeySet>
  readonly kmsSign?: KmsSign
}

/** Everything that outlives a request. */
export interface SessionServices {
  readonly config: SessionFunctionConfig
  /** The most grants whose cookies fit one response: with `Domain` each takes twice the lines. */
  readonly grantLimit: number
  readonly isAllowedOrigin: OriginCheck
  readonly verifier: SessionVerifier
  /** @throws ServiceError. */
  readonly keys: (now: number) => Promise<KeyDocument>
  /** @throws ServiceError. */
  readonly revocations: (now: number) => Promise<RevocationState>
  /** @throws ServiceError `ERR_KEYS_INVALID`. */
  readonly signerOf: (key: SigningKey) => PolicySigner
}

/** Asked again after 5 minutes; through an outage the last document serves for an hour, far less than a retired key lives. */
const keyTimes = { softTtl: 300, hardTtl: 3600 }
/** A revocation reaches every warm function in 30 s; one that has heard nothing for 5 minutes mints nothing. */
const stateTimes = { softTtl: 30, hardTtl: 300 }

/** Wires the function. Fetches nothing yet. */
export function createSessionServices(
  config: SessionFunctionConfig,
  stores: SessionStores,
  random: () => number,
): SessionServices {
  const keyCache = new RefreshingCache({
    load: async () => parseKeyDocument(await stores.secrets.get(config.secretId)),
    random,
    ...keyTimes,
  })
  const stateCache = new RefreshingCache({
    load: async () => readState(await stores.state.load()),
    random,
    ...stateTimes,
  })
  const keys = (now: number) => keyCache.get(now)
  return {
    config,
    grantLimit: config.cookies.domain === null ? 8 : 4,
    isAllowedOrigin: parseAllowedOrigins(config.allowedOrigins),
    verifier: createSessionVerifier(config.session, sessionKeys(config, stores, keys)),
    keys,
    revocations: (now) => stateCache.get(now),
    signerOf: cachedSigners(stores.kmsSign),
  }
}

function sessionKeys(
  { session }: SessionFunctionConfig,
  stores: SessionStores,
  keys: (now: number) => Promise<KeyDocument>,
) {
  if (session.algorithms.includes('HS256')) return sharedSecretKeys(async (now) => (await keys(now)).sessionSecret)
  const { jwks, jwksUrl } = session
  return keySetKeys(jwks, jwksUrl === null ? undefined : () => stores.loadKeySet(jwksUrl))
}

function readState(json: string | undefined): RevocationState {
  return json === undefined ? { revocations: [] } : parseRevocationState(json)
}

/** One signer for each key: it checks the key when it is made. A new document brings new keys, and the old go with it. */
function cachedSigners(kmsSign: KmsSign | undefined): (key: SigningKey) => PolicySigner {
  const signers = new WeakMap<SigningKey, PolicySigner>()
  return (key) => {
    const known = signers.get(key)
    if (known !== undefined) return known
    const signer = createPolicySigner(key, kmsSign)
    signers.set(key, signer)
    return signer
  }
}
