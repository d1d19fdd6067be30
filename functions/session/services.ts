import type { AwsConnection } from '../../shared/aws/edge/aws-send.ts'
import { type BucketState, createBucketState } from '../../shared/aws/edge/bucket-state.ts'
import { createKmsSign } from '../../shared/aws/edge/kms-sign.ts'
import { createSecretsManager } from '../../shared/aws/edge/secrets-manager.ts'
import { cachedSigners, type KmsSign, type PolicySigner } from '../../shared/cloudfront/signer.ts'
import { createRememberingVerifier, type SignatureVerifier } from '../../shared/cloudfront/verify.ts'
import { maxGrants } from '../../shared/grant/grants-for.ts'
import type { SigningKey } from '../../shared/keys/key-document.ts'
import type { SecretStore } from '../../shared/keys/key-secret.ts'
import { type CorsReaders, parseReaders } from '../../shared/read/cors.ts'
import { fetchKeySet } from '../../shared/session/session-keys.ts'
import { createSessionTrust, type SessionTrust } from '../../shared/session/session-trust.ts'
import type { SessionFunctionConfig } from './config.ts'

/** Dependencies of the function: what it reads, and KMS. */
export interface SessionDependencies {
  readonly secrets: SecretStore
  readonly state: BucketState
  /** Fetches a JWK Set. */
  readonly loadKeySet: (url: string) => Promise<unknown>
  readonly kmsSign?: KmsSign
}

/** Everything that outlives a request. */
export interface SessionServices extends SessionTrust {
  readonly config: SessionFunctionConfig
  /** Max grants of one session, from `maxGrants`. */
  readonly grantLimit: number
  readonly readers: CorsReaders
  /** @throws ServiceError `ERR_KEYS_INVALID`. */
  readonly signerOf: (key: SigningKey) => PolicySigner
  readonly verifySignature: SignatureVerifier
}

/** Signatures that a function remembers as valid, for each key: about half a kilobyte each. */
const rememberedSignatures = 1000

/** Wires the function. Fetches nothing yet. */
export function createSessionServices(
  config: SessionFunctionConfig,
  { secrets, state, loadKeySet, kmsSign }: SessionDependencies,
  random: () => number,
): SessionServices {
  return {
    config,
    grantLimit: maxGrants(config.cookies.domain),
    readers: parseReaders(config.allowedOrigins, []),
    ...createSessionTrust(config.session, {
      loadKeys: () => secrets.get(config.secretId),
      loadState: () => state.load(),
      loadKeySet,
      random,
    }),
    signerOf: cachedSigners(kmsSign),
    verifySignature: createRememberingVerifier(rememberedSignatures),
  }
}

/** Returns the dependencies as deployed: Secrets Manager, the bucket, the app's JWKS endpoint, KMS. */
export function connectToAws(
  config: SessionFunctionConfig,
  accountId: () => Promise<string>,
  aws: AwsConnection,
): SessionDependencies {
  const bucketName = async () => config.bucket ?? `${config.bucketPrefix}${await accountId()}`
  return {
    secrets: createSecretsManager(aws),
    state: createBucketState(bucketName, config.bucketRegion, aws),
    loadKeySet: (url) => fetchKeySet(url, aws),
    kmsSign: createKmsSign(aws),
  }
}
