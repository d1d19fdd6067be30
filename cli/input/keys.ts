import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { EdgeSignerError, messageOf } from '../../shared/errors.ts'
import { isKeyForAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { type KeyDocument, parseKeyDocument, publicKeysOf } from '../../shared/keys/key-document.ts'
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

/** Other forms of a key, each with the command that makes a PEM file of it. */
const otherForms: readonly { readonly form: RegExp; readonly what: string }[] = [
  {
    form: /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: *4,ENCRYPTED/,
    what: 'the private key is encrypted: openssl pkey -in <file> -out <PEM file>',
  },
  {
    form: /-----BEGIN OPENSSH PRIVATE KEY-----/,
    what: "the private key is in OpenSSH's form: ssh-keygen -p -m PKCS8 -f <copy of the file>",
  },
  {
    form: /^(?:ssh-rsa|ecdsa-sha2-\S+|ssh-ed25519) /,
    what: "the public key is in OpenSSH's form: ssh-keygen -e -m PKCS8 -f <file>",
  },
  {
    form: /-----BEGIN [^-]+-----\\n/,
    what: 'the file has \\n written out where a PEM file has line ends: printf "%b" "$(cat <file>)"',
  },
  {
    form: /^-----BEGIN [^-]+----- *[\w+/= ]+-----END [^-]+-----\s*$/,
    what: 'the whole key is on one line: a PEM file has a line end after BEGIN, before END, and every 64 characters',
  },
  {
    form: /^\s*\{/,
    what: 'the file is JSON: name a key document without an id, --keys <file>',
  },
  {
    form: /^0[\x80-\uffff]/,
    what: 'the file is binary (DER): openssl pkey -inform DER -in <file> -out <PEM file>',
  },
]

function describeNoPem(text: string): string {
  const found = otherForms.find(({ form }) => form.test(text))
  return found?.what ?? 'the file is not a PEM public or private key'
}

function parsePem(text: string): KeyObject {
  const isPrivate = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)
  let key: KeyObject
  try {
    key = isPrivate ? createPrivateKey(text) : createPublicKey(text)
  } catch {
    throw new UsageError(`--keys: ${describeNoPem(text)}`)
  }
  const usable = isKeyForAlgorithm(
    isPrivate ? createPublicKey(key) : key,
    key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256',
  )
  if (!usable) throw new UsageError('--keys: CloudFront accepts P-256 and RSA keys of 2048 bits, and this is neither')
  return key
}
