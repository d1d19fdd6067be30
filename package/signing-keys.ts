import { createPublicKey } from 'node:crypto'
import { createKmsSign } from '../shared/aws/edge/kms-sign.ts'
import { cachedSigners, createPolicySigner, type PolicySigner } from '../shared/cloudfront/signer.ts'
import { ServiceError } from '../shared/errors.ts'
import { send as httpsSend } from '../shared/http/https-send.ts'
import type { Send } from '../shared/http/message.ts'
import { newestUsableKey, parseKeyDocument, type SigningKey } from '../shared/keys/key-document.ts'
import { algorithmFor, parsePemKey, type SignatureHash } from '../shared/keys/pem-key.ts'
import { RefreshingCache } from '../shared/operations/refreshing-cache.ts'
import { optionsOf, textOf, wrong } from './input.ts'

/** Source of the key that signs. Open it once for a process: it keeps the parsed key. */
export interface SigningKeys {
  /**
   * The signer of the newest usable key.
   *
   * @param now epoch seconds.
   * @throws ServiceError `ERR_KEYS_UNAVAILABLE`, `ERR_KEYS_INVALID`.
   */
  signer(now: number): Promise<PolicySigner>
}

/**
 * Epoch seconds.
 *
 * @throws ServiceError `ERR_CONFIG` where the clock of this machine was never set: everything signed then would be over, or last for
 *   years.
 */
export function clock(): number {
  const seconds = Math.floor(Date.now() / 1000)
  if (seconds < earliestClock || seconds > latestClock)
    throw new ServiceError('ERR_CONFIG', 'the clock of this machine is off: set it, for example by NTP')
  return seconds
}

/** 2025-01-01, before this code was written. */
const earliestClock = 1_735_689_600
/** 2038-01-12: a week before the largest time that CloudFront accepts. */
const latestClock = 2_146_867_200

/** A private key in PEM and the id of its public key at CloudFront. */
export interface PemKeyOptions {
  readonly keyPairId: string
  /** PKCS #8, PKCS #1 or SEC 1: P-256, or RSA of 2048 bits. Not encrypted. */
  readonly privateKey: string
  /** Default `SHA256`. `SHA1` (RSA only) gives what older signers give: a signature without `Hash-Algorithm`. */
  readonly hash?: SignatureHash
}

/**
 * Opens a private key in PEM.
 *
 * @throws ServiceError `ERR_KEYS_INVALID`, naming the fault.
 * @example
 * const keys = keysFromPem({ keyPairId: 'K2JCJMDEHXQW5F', privateKey: await readFile('private.pem', 'utf8') })
 */
export function keysFromPem(options: PemKeyOptions): SigningKeys {
  const { keyPairId, privateKey, hash = 'SHA256' } = optionsOf(options)
  if (typeof keyPairId !== 'string') throw invalid('keyPairId must be a text')
  if (typeof privateKey !== 'string') throw invalid('privateKey must be a PEM text')
  if (hash !== 'SHA256' && hash !== 'SHA1') throw invalid('hash must be SHA256 or SHA1')
  return oneSigner(createPolicySigner(parsePemKey(keyPairId, privateKey, hash)))
}

/**
 * Opens a key document, as the stack of this project keeps one in Secrets Manager. The newest key whose time has come signs.
 *
 * @throws ServiceError `ERR_KEYS_INVALID`, naming the field.
 */
export function keysFromDocument(json: string): SigningKeys {
  const document = parseKeyDocument(json)
  const signerOf = cachedSigners(undefined)
  return { signer: async (now) => signerOf(newestUsableKey(document, now)) }
}

/** A key of KMS. Its algorithm is that of its public key. */
export interface KmsKeyOptions {
  readonly keyPairId: string
  /** ARN of the KMS key, or its id where it is in us-east-1. */
  readonly kmsKeyId: string
  /** The public key in PEM, as uploaded to CloudFront. */
  readonly publicKey: string
  /** Default: the default credentials of the AWS SDK. */
  readonly credentials?: () => Promise<AwsCredentials>
  /** Sends one request to KMS. Default: Node's https. */
  readonly send?: Send
}

/** Credentials of AWS, as the SDK's providers return them. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/**
 * Opens a KMS key: each signature is one call of KMS `Sign`.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where the public key is not one that CloudFront accepts.
 */
export function keysFromKms(given: KmsKeyOptions): SigningKeys {
  const { keyPairId, kmsKeyId, publicKey: pem, ...options } = optionsOf(given)
  const { credentials = defaultCredentials, send = httpsSend } = options
  const publicKey = parsePublicKey(pem)
  const algorithm = algorithmFor(publicKey, 'SHA256')
  const key: SigningKey = { keyPairId, algorithm, privateKey: undefined, kmsKeyId, publicKey, notBefore: 0 }
  return oneSigner(
    createPolicySigner(key, async (...request) => {
      const current = await credentials()
      return createKmsSign({ send, credentials: () => current, nowMs: Date.now })(...request)
    }),
  )
}

/** A secret with the key. */
export interface SecretKeyOptions {
  /** Name or ARN of the secret. */
  readonly secretId: string
  /** Needed where the secret is a PEM text; a key document names its own. */
  readonly keyPairId?: string
  /** For a PEM of an RSA key; default `SHA256`. */
  readonly hash?: SignatureHash
  /** Default: that of an ARN, else the SDK's default Region. */
  readonly region?: string
  /** Reads the text of the secret. Default: Secrets Manager through the AWS SDK. */
  readonly load?: (secretId: string) => Promise<string>
}

/** One hour; through an outage of Secrets Manager the last key signs for a day. */
const secretTimes = { softTtl: 3600, hardTtl: 86_400, retryAfter: 1, maxRetryAfter: 30 }
/** Milliseconds for one reading of the secret. */
const loadMs = 5000

/**
 * Opens a secret of Secrets Manager: a PEM text or a key document. It is read at the first signature, kept for an hour, and
 * after a failure read again after pauses that grow from one second to 30.
 */
export function keysFromSecret(options: SecretKeyOptions): SigningKeys {
  const { secretId, region, load = secretsManagerText(region) } = optionsOf(options)
  textOf(secretId, 'secretId')
  if (typeof load !== 'function') throw wrong('load', 'must be a function')
  const cache = new RefreshingCache({
    load: async () => parseSecret(await inTime((async () => load(secretId))()), options),
    random: Math.random,
    ...secretTimes,
  })
  return { signer: async (now) => (await cache.get(now)).signer(now) }
}

function parseSecret(text: string, { keyPairId, hash }: SecretKeyOptions): SigningKeys {
  if (typeof text !== 'string') throw invalid('the secret must be a text')
  if (!/^\s*-----BEGIN /.test(text)) return keysFromDocument(text)
  if (keyPairId === undefined) throw invalid('the secret is a PEM text: give its keyPairId')
  return keysFromPem({ keyPairId, privateKey: text, ...(hash === undefined ? {} : { hash }) })
}

/** A store that never answers must not hold a request up, and its answer must not be quoted. */
async function inTime(loading: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), loadMs)
  })
  try {
    return await Promise.race([loading, timedOut])
  } catch (cause) {
    throw new ServiceError('ERR_KEYS_UNAVAILABLE', 'the secret store gave no key', { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** Loaded on demand: a process that signs with a PEM needs no client. */
function secretsManagerText(region: string | undefined): (secretId: string) => Promise<string> {
  return async (secretId) => {
    const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
    const of = region ?? /^arn:[^:]+:secretsmanager:([a-z0-9-]+):/.exec(secretId)?.[1]
    const client = new SecretsManagerClient(of === undefined ? {} : { region: of })
    const answer = await client.send(new GetSecretValueCommand({ SecretId: secretId }))
    if (answer.SecretString === undefined) throw new Error('the secret holds no text')
    return answer.SecretString
  }
}

let provider: (() => Promise<AwsCredentials>) | undefined

async function defaultCredentials(): Promise<AwsCredentials> {
  if (provider === undefined) {
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
    provider = defaultProvider()
  }
  return provider()
}

function parsePublicKey(pem: string) {
  if (typeof pem !== 'string' || !/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem))
    throw invalid('publicKey must be a PEM public key')
  try {
    return createPublicKey(pem)
  } catch {
    throw invalid('publicKey must be a PEM public key')
  }
}

function oneSigner(signer: PolicySigner): SigningKeys {
  return { signer: async () => signer }
}

function invalid(fault: string): ServiceError {
  return new ServiceError('ERR_KEYS_INVALID', fault)
}
