import { createPublicKey } from 'node:crypto'
import { parseIpv4 } from '../../shared/cloudfront/ipv4.ts'
import { maxEpoch } from '../../shared/cloudfront/parse-policy.ts'
import type { PolicyConditions } from '../../shared/cloudfront/policy.ts'
import { ServiceError } from '../../shared/errors.ts'
import type { KeyAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { newestUsableKey, type SigningKey } from '../../shared/keys/key-document.ts'
import { parsePemKey } from '../../shared/keys/pem-key.ts'
import { readKeys } from '../input/keys.ts'
import { parseDuration, parseTime } from '../input/time.ts'
import { readLocalStage } from '../stage/local-stage.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Options for the times and the address for which a signature is valid. */
export interface ConditionOptions {
  readonly expiresIn?: string
  readonly expires?: string
  readonly notBefore?: string
  readonly ip?: string
}

/** The policy of a prefix starts this many seconds before now by default, because clocks differ. */
export const clockSkew = 60

/** Default lifetime of a signature in seconds: one hour. */
const defaultLifetime = 3600

/**
 * Returns the conditions of the policy to sign.
 *
 * @throws UsageError if a time is malformed, the end is in the past or not after the start, or the address is not IPv4.
 */
export function readConditions(
  options: ConditionOptions,
  now: number,
): PolicyConditions & { readonly expires: number } {
  if (options.expires !== undefined && options.expiresIn !== undefined) {
    throw new UsageError('--expires and --expires-in exclude each other')
  }
  const expires =
    options.expires === undefined
      ? now + (options.expiresIn === undefined ? defaultLifetime : parseDuration(options.expiresIn, '--expires-in'))
      : parseTime(options.expires, '--expires', now)
  if (expires <= now) throw new UsageError('--expires must be in the future')
  if (expires > maxEpoch) throw new UsageError('--expires must be before 2038-01-19: CloudFront accepts no later date')
  const notBefore = options.notBefore === undefined ? undefined : parseTime(options.notBefore, '--not-before', now)
  if (expires <= (notBefore ?? 0)) throw new UsageError('--expires must be after --not-before')
  if (options.ip !== undefined && parseIpv4(options.ip) === undefined) {
    throw new UsageError(
      "--ip must be one IPv4 address: CloudFront's policies support no IPv6, and this command signs no blocks",
    )
  }
  return { expires, notBefore, ipAddress: options.ip }
}

/** Options for the key to sign with. */
export interface SigningKeyOptions {
  readonly keys?: string
  readonly local?: boolean
  readonly state?: string
  /** Sign with SHA-1. For a single RSA key only, because a key document names the algorithm of each key. */
  readonly sha1?: boolean
}

/** A key with its private part, and the stamp key if a key document was given. */
export interface SigningMaterial {
  readonly key: SigningKey
  readonly stampKey: string | undefined
}

/**
 * Returns the key to sign with: the newest usable one of a key document or of the local stage, or a single private key in PEM.
 *
 * @throws UsageError if there is none, or it is in KMS; ServiceError `ERR_KEYS_INVALID`.
 */
export async function readSigningKey(
  options: SigningKeyOptions,
  now: number,
  terminal: Terminal,
): Promise<SigningMaterial> {
  if (options.keys === undefined && !options.local && options.state === undefined) {
    return { key: readKeyOfEnvironment(options, terminal), stampKey: undefined }
  }
  if (options.keys === undefined) {
    refuseSha1(options)
    const { document } = await readLocalStage(options.state)
    return { key: newestUsableKey(document, now), stampKey: document.stampKey }
  }
  const { document, privateKeys } = await readKeys([options.keys], terminal)
  if (document !== undefined) {
    refuseSha1(options)
    const key = newestUsableKey(document, now)
    if (key.privateKey === undefined)
      throw new UsageError('--keys: the newest key is in KMS, and this command cannot sign with KMS')
    return { key, stampKey: document.stampKey }
  }
  const [entry] = privateKeys
  if (entry === undefined) throw new UsageError('--keys: signing needs the private key')
  const [keyPairId, privateKey] = entry
  const isEc = privateKey.asymmetricKeyType === 'ec'
  if (isEc && options.sha1) throw new UsageError('--sha1: CloudFront accepts elliptic-curve keys with SHA-256 only')
  const algorithm: KeyAlgorithm = isEc ? 'ES256' : options.sha1 ? 'RS1' : 'RS256'
  const publicKey = createPublicKey(privateKey)
  return {
    key: { keyPairId, algorithm, privateKey, publicKey, kmsKeyId: undefined, notBefore: 0 },
    stampKey: undefined,
  }
}

/** A variable holds a PEM in one line, with `\n` for each line feed. */
function readKeyOfEnvironment({ sha1 }: SigningKeyOptions, { env }: Terminal): SigningKey {
  const { CF_KEY_ID, CF_PRIVATE_KEY } = env
  if (!CF_KEY_ID || !CF_PRIVATE_KEY) {
    throw new UsageError(
      'name the key to sign with: --keys <key document>, --keys <id>=<PEM file>, --local, or CF_KEY_ID and CF_PRIVATE_KEY',
    )
  }
  try {
    return parsePemKey(CF_KEY_ID, CF_PRIVATE_KEY.replaceAll('\\n', '\n'), sha1 ? 'SHA1' : 'SHA256')
  } catch (error) {
    throw error instanceof ServiceError ? new UsageError(`CF_KEY_ID and CF_PRIVATE_KEY: ${error.message}`) : error
  }
}

/** Ignoring `--sha1` would sign with SHA-256, and the mistake would only show when CloudFront refuses the signature. */
function refuseSha1({ sha1 }: SigningKeyOptions): void {
  if (sha1) throw new UsageError('--sha1 is for a single PEM file: a key document names the algorithm of each key')
}
