import { createPolicySigner, type KmsSign, type PolicySigner } from '../../shared/cloudfront/signer.ts'
import type { OriginCheck } from '../../shared/http/allowed-origins.ts'
import { parseAllowedOrigins } from '../../shared/http/allowed-origins.ts'
import type { SigningKey } from '../../shared/keys/key-document.ts'
import type { SecretStore } from '../../shared/keys/secret-store.ts'
import { createSessionTrust, type SessionTrust } from '../../shared/session/session-trust.ts'
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
  readonly loadKeySet: (url: string) => Promise<unknown>
  readonly kmsSign?: KmsSign
}

/** Everything that outlives a request. */
export interface SessionServices extends SessionTrust {
  readonly config: SessionFunctionConfig
  /** The most grants whose cookies fit one response: with `Domain` each takes twice the lines. */
  readonly grantLimit: number
  readonly isAllowedOrigin: OriginCheck
  /** @throws ServiceError `ERR_KEYS_INVALID`. */
  readonly signerOf: (key: SigningKey) => PolicySigner
}

/** Wires the function. Fetches nothing yet. */
export function createSessionServices(
  config: SessionFunctionConfig,
  stores: SessionStores,
  random: () => number,
): SessionServices {
  return {
    config,
    grantLimit: config.cookies.domain === null ? 8 : 4,
    isAllowedOrigin: parseAllowedOrigins(config.allowedOrigins),
    ...createSessionTrust(config.session, {
      loadKeys: () => stores.secrets.get(config.secretId),
      loadState: () => stores.state.load(),
      loadKeySet: stores.loadKeySet,
      random,
    }),
    signerOf: cachedSigners(stores.kmsSign),
  }
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
