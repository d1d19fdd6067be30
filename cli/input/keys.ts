import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { isKeyForAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { type KeyDocument, parseKeyDocument, publicKeysOf } from '../../shared/keys/key-document.ts'
import { describeKeyForm } from '../../shared/keys/key-form.ts'
import { readText, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Keys given on the command line. */
export interface GivenKeys {
  /** By key pair id. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>
  /** Private keys of single PEM files by key pair id. */
  readonly privateKeys: ReadonlyMap<string, KeyObject>
  /** The key document, if one was given. */
  readonly document: KeyDocument | undefined
}

/**
 * Reads each `--keys`: a key document (`keys.json`, `-` for standard input), or `<key pair id>=<PEM file>` with a public or a
 * private key.
 *
 * @throws UsageError naming the fault, never the content.
 */
export async function readKeys(sources: readonly string[], terminal: Pick<Terminal, 'stdin'>): Promise<GivenKeys> {
  const publicKeys = new Map<string, KeyObject>()
  const privateKeys = new Map<string, KeyObject>()
  let document: KeyDocument | undefined
  for (const source of sources) {
    const pem = /^([A-Za-z0-9_-]{1,64})=(.+)$/s.exec(source)
    if (pem === null) {
      document = parseDocument(await readText(source, '--keys', terminal))
      for (const [id, key] of publicKeysOf(document)) publicKeys.set(id, key)
    } else {
      const id = pem[1] ?? ''
      const key = parsePem(await readText(pem[2] ?? '', '--keys', terminal))
      if (key.type === 'private') privateKeys.set(id, key)
      publicKeys.set(id, key.type === 'private' ? createPublicKey(key) : key)
    }
  }
  return { publicKeys, privateKeys, document }
}

function parseDocument(text: string): KeyDocument {
  if (/^\s*-----BEGIN /.test(text)) throw new UsageError('--keys: a PEM file needs its key pair id: --keys <id>=<file>')
  try {
    return parseKeyDocument(text)
  } catch (error) {
    throw error instanceof EdgeSignerError ? new UsageError(`--keys: ${messageOf(error)}`) : error
  }
}

function parsePem(text: string): KeyObject {
  const isPrivate = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)
  let key: KeyObject
  try {
    key = isPrivate ? createPrivateKey(text) : createPublicKey(text)
  } catch {
    if (/^\s*\{/.test(text))
      throw new UsageError('--keys: the file is JSON: name a key document without an id, --keys <file>')
    if (!/-----BEGIN|^\s*(ssh-|ecdsa-|MI)|^0[\x80-\uffff]/.test(text))
      throw new UsageError('--keys: the file is not a PEM public or private key')
    throw new UsageError(`--keys: the key ${describeKeyForm(text, isPrivate ? 'PRIVATE KEY' : 'PUBLIC KEY')}`)
  }
  const usable = isKeyForAlgorithm(
    isPrivate ? createPublicKey(key) : key,
    key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256',
  )
  if (!usable) throw new UsageError('--keys: CloudFront accepts P-256 and RSA keys of 2048 bits, and this is neither')
  return key
}
