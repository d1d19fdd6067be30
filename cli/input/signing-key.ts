import { createPublicKey } from 'node:crypto'
import type { KeyAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { newestUsableKey, type SigningKey } from '../../shared/keys/key-document.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { readKeys } from './keys.ts'
import { readLocalStage } from './local-stage.ts'

/** The options that name a key to sign with. */
export interface SigningKeyOptions {
  readonly keys?: string
  readonly local?: boolean
  readonly state?: string
  /** Sign with SHA-1; for a single RSA key, as the key document names the algorithm of its own keys. */
  readonly sha1?: boolean
}

/** A key that can sign here, and the stamp key where the key document gave one. */
export interface SigningMaterial {
  readonly key: SigningKey
  readonly stampKey: string | undefined
}

/**
 * The key to sign with: the newest usable one of a key document or of the local stage, or a single private key in PEM.
 *
 * @throws UsageError where there is none, or it lies in KMS; ServiceError `ERR_KEYS_INVALID`.
 */
export async function readSigningKey(
  options: SigningKeyOptions,
  now: number,
  terminal: Terminal,
): Promise<SigningMaterial> {
  if (options.keys === undefined && !options.local && options.state === undefined) {
    throw new UsageError('name the key to sign with: --keys <key document>, --keys <id>=<PEM file>, or --local')
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
      throw new UsageError('--keys: the newest key lies in KMS, and this command signs with keys at hand only')
    return { key, stampKey: document.stampKey }
  }
  const [entry] = privateKeys
  if (entry === undefined) throw new UsageError('--keys: signing needs the private key')
  const [keyPairId, privateKey] = entry
  const isEc = privateKey.asymmetricKeyType === 'ec'
  if (isEc && options.sha1) throw new UsageError('--sha1: CloudFront takes elliptic curves with SHA-256 only')
  const algorithm: KeyAlgorithm = isEc ? 'ES256' : options.sha1 ? 'RS1' : 'RS256'
  const publicKey = createPublicKey(privateKey)
  return {
    key: { keyPairId, algorithm, privateKey, publicKey, kmsKeyId: undefined, notBefore: 0 },
    stampKey: undefined,
  }
}

/** Signing with SHA-256 all the same would only show where the signature is refused. */
function refuseSha1({ sha1 }: SigningKeyOptions): void {
  if (sha1) throw new UsageError('--sha1 is for a single PEM file: a key document names the algorithm of each key')
}
