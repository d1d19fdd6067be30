import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ServiceError } from '../errors.ts'
import { isKeyForAlgorithm, type KeyAlgorithm, keyAlgorithms } from './key-algorithm.ts'
import { describeKeyForm } from './key-form.ts'

/** One CloudFront key pair. Exactly one of `privateKey` and `kmsKeyId` is set. */
export interface SigningKey {
  /** The id of CloudFront's public key. */
  readonly keyPairId: string
  readonly algorithm: KeyAlgorithm
  readonly privateKey: KeyObject | undefined
  /** A KMS key's id or ARN. */
  readonly kmsKeyId: string | undefined
  readonly publicKey: KeyObject
  /** Epoch seconds from which on the key may sign: by then every edge location knows its public key. */
  readonly notBefore: number
}

/** The secret document of a stage: everything secret in one value, so that an id and its key cannot disagree. */
export interface KeyDocument {
  /** At least one, ids unique. */
  readonly keys: readonly SigningKey[]
  /** The shared secret of HS256 sessions. */
  readonly sessionSecret: string | undefined
  /** base64url; its characters, as written, are the HMAC key of stamps and of `edge-grants`. */
  readonly stampKey: string
}

type Fields = Readonly<Record<string, unknown>>

/** Reads the session secret alone: the other fields may be wrong. @throws ServiceError `ERR_KEYS_INVALID`, naming the field. */
export function parseSessionSecret(json: string): string | undefined {
  return sessionSecretOf(rootOf(json))
}

/** Parses the key document. The name of a field is in the message of an error, its value never. */
export function parseKeyDocument(json: string): KeyDocument {
  const root = rootOf(json)
  if (!Array.isArray(root.keys) || root.keys.length === 0) throw invalid('keys', 'must be a list with at least one key')
  const keys = root.keys.map((key, i) => parseSigningKey(fieldsOf(key, `keys[${i}]`), `keys[${i}]`))
  if (new Set(keys.map((key) => key.keyPairId)).size !== keys.length)
    throw invalid('keys', 'must not repeat a keyPairId')
  const { stampKey } = root
  const sessionSecret = sessionSecretOf(root)
  if (typeof stampKey !== 'string' || !/^[A-Za-z0-9_-]{43,512}$/.test(stampKey)) {
    throw invalid('stampKey', 'must be base64url of at least 32 bytes')
  }
  return { keys, sessionSecret, stampKey }
}

function rootOf(json: string): Fields {
  try {
    return fieldsOf(JSON.parse(json), 'document')
  } catch (error) {
    if (error instanceof ServiceError) throw error
    // No `cause`: the message of a JSON error quotes the text.
    throw invalid('document', 'must be JSON')
  }
}

/** RFC 7518 section 3.2: an HS256 key has at least 256 bits. */
function sessionSecretOf({ sessionSecret }: Fields): string | undefined {
  if (sessionSecret === undefined) return undefined
  if (typeof sessionSecret === 'string' && Buffer.byteLength(sessionSecret) >= 32) return sessionSecret
  throw invalid('sessionSecret', 'must be a text of at least 32 bytes')
}

/** Writes the document that `parseKeyDocument` reads back as the same value; for the bootstrap and the rotation. */
export function serializeKeyDocument(document: KeyDocument): string {
  return JSON.stringify({
    keys: document.keys.map((key) => ({
      keyPairId: key.keyPairId,
      algorithm: key.algorithm,
      privateKey: key.privateKey?.export({ type: 'pkcs8', format: 'pem' }),
      kmsKeyId: key.kmsKeyId,
      publicKey: key.publicKey.export({ type: 'spki', format: 'pem' }),
      notBefore: key.notBefore,
    })),
    sessionSecret: document.sessionSecret,
    stampKey: document.stampKey,
  })
}

/**
 * The key that signs: of those whose time has come, the one with the latest `notBefore`.
 *
 * @throws ServiceError `ERR_KEYS_INVALID` where the time of none has come.
 */
export function newestUsableKey(document: KeyDocument, now: number): SigningKey {
  const newest = document.keys
    .filter((key) => key.notBefore <= now)
    .reduce<SigningKey | undefined>((best, key) => (best && best.notBefore >= key.notBefore ? best : key), undefined)
  if (newest === undefined) throw invalid('keys', 'has no key that is usable yet')
  return newest
}

/** The public keys by id: what a key group holds. */
export function publicKeysOf(document: KeyDocument): ReadonlyMap<string, KeyObject> {
  return new Map(document.keys.map((key) => [key.keyPairId, key.publicKey]))
}

function parseSigningKey(key: Fields, field: string): SigningKey {
  const { keyPairId, kmsKeyId, notBefore } = key
  // It goes into a cookie and a URL as it is.
  if (typeof keyPairId !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(keyPairId)) {
    throw invalid(`${field}.keyPairId`, 'must be the id of a CloudFront public key')
  }
  const algorithm = keyAlgorithms.find((known) => known === key.algorithm)
  if (algorithm === undefined) throw invalid(`${field}.algorithm`, 'must be ES256, RS256 or RS1')
  if (typeof notBefore !== 'number' || !Number.isSafeInteger(notBefore) || notBefore < 0) {
    throw invalid(`${field}.notBefore`, 'must be epoch seconds')
  }
  if (kmsKeyId !== undefined && (typeof kmsKeyId !== 'string' || kmsKeyId === '')) {
    throw invalid(`${field}.kmsKeyId`, 'must be the id or ARN of a KMS key')
  }
  if ((key.privateKey === undefined) === (kmsKeyId === undefined)) {
    throw invalid(field, 'must have either privateKey or kmsKeyId')
  }
  if (kmsKeyId !== undefined && algorithm === 'RS1') throw invalid(`${field}.algorithm`, 'cannot be RS1 with KMS')
  const publicKey = parsePem(key.publicKey, `${field}.publicKey`, 'PUBLIC KEY', createPublicKey)
  const privateKey =
    key.privateKey === undefined
      ? undefined
      : parsePem(key.privateKey, `${field}.privateKey`, 'PRIVATE KEY', createPrivateKey)
  if (!isKeyForAlgorithm(publicKey, algorithm)) throw invalid(`${field}.publicKey`, 'does not fit the algorithm')
  // Found here it is one alarm; found by CloudFront it is a 403 for every viewer.
  if (privateKey !== undefined && !isSameKey(createPublicKey(privateKey), publicKey)) {
    throw invalid(`${field}.privateKey`, 'does not belong to the public key')
  }
  return { keyPairId, algorithm, privateKey, kmsKeyId, publicKey, notBefore }
}

function parsePem(
  value: unknown,
  field: string,
  label: 'PRIVATE KEY' | 'PUBLIC KEY',
  create: (pem: string) => KeyObject,
): KeyObject {
  if (typeof value !== 'string') throw invalid(field, `must be a PEM ${label.toLowerCase()}`)
  // `createPublicKey` would take a private key too; that one must not lie in the field of a public key.
  const isPem = new RegExp(`^\\s*-----BEGIN (EC |RSA )?${label}-----`).test(value)
  try {
    if (isPem) return create(value)
  } catch {
    // Described below, without the text.
  }
  throw invalid(field, describeKeyForm(value, label))
}

/** By their bytes: `KeyObject.equals` of two kinds of key leaves an OpenSSL error behind, which the next parsing then throws. */
function isSameKey(a: KeyObject, b: KeyObject): boolean {
  return a.export({ type: 'spki', format: 'der' }).equals(b.export({ type: 'spki', format: 'der' }))
}

function fieldsOf(value: unknown, field: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'must be an object')
  return value as Fields
}

function invalid(field: string, rule: string): ServiceError {
  return new ServiceError('ERR_KEYS_INVALID', `key document: ${field} ${rule}`)
}
