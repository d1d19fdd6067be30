import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeyAlgorithm } from '../../shared/keys/key-algorithm.ts'
import { type KeyDocument, parseKeyDocument, serializeKeyDocument } from '../../shared/keys/key-document.ts'
import { makeKeyDocument, makeKeyPair, publicKeyPem, signingKey } from '../../shared/keys/make-key-pair.ts'
import { stampKeyName } from '../../shared/revocation/key-value.ts'

/** The files of a local stage: its secret, its key group, its KeyValueStore. Several processes may read them at once. */
export interface StateFiles {
  readonly directory: string
  /** The key document; readable to its owner only. */
  readonly secret: string
  /** `{ "<key pair id>": "<PEM>" }`: the public keys that the distribution trusts. */
  readonly keyGroup: string
  /** A text that changes whenever the key group does. */
  readonly keyGroupGeneration: string
  /** What every edge sees of the KeyValueStore: a file for each key, as njs reads them. */
  readonly keyValueStore: string
  /** What the KeyValueStore holds: the same keys, ahead by the propagation delay; a file for each, with its key. */
  readonly keyValues: string
}

/** The places of a state directory's files. */
export function stateFiles(directory: string): StateFiles {
  return {
    directory,
    secret: join(directory, 'secret.json'),
    keyGroup: join(directory, 'key-group.json'),
    keyGroupGeneration: join(directory, 'key-group-generation'),
    keyValueStore: join(directory, 'key-value-store'),
    keyValues: join(directory, 'key-values'),
  }
}

/**
 * Makes what is missing: a key pair, the session secret and the stamp key, once, with owner-only permissions; a key group
 * that trusts the keys; a KeyValueStore with the stamp key.
 */
export function prepareState(directory: string, algorithm: KeyAlgorithm, now: number): StateFiles {
  const files = stateFiles(directory)
  for (const folder of [files.keyValueStore, files.keyValues]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!existsSync(files.secret)) {
    const key = signingKey(makeKeyPair(algorithm), newKeyPairId(), now - 60)
    const document = makeKeyDocument(key, randomBytes(32).toString('base64url'))
    writeWhole(files.secret, serializeKeyDocument(document))
  }
  const document = readKeyDocument(files)
  if (!existsSync(files.keyGroup)) writeKeyGroup(files, publicKeysIn(document))
  writeKeyValue(files, stampKeyName, document.stampKey)
  propagateKeyValues(files)
  return files
}

/** An id such as CloudFront gives to a public key. */
export function newKeyPairId(): string {
  return `K${[...randomBytes(13)].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(byte % 32)).join('')}`
}

export function readKeyDocument(files: StateFiles): KeyDocument {
  return parseKeyDocument(readFileSync(files.secret, 'utf8'))
}

export function writeKeyDocument(files: StateFiles, document: KeyDocument): void {
  writeWhole(files.secret, serializeKeyDocument(document))
}

/** The public keys of a document as a key group holds them. */
export function publicKeysIn(document: KeyDocument): Record<string, string> {
  return Object.fromEntries(document.keys.map(({ keyPairId, publicKey }) => [keyPairId, publicKeyPem(publicKey)]))
}

/** Changes the key group at once; the generation last, so that nobody keeps an answer of the old group under the new one. */
export function writeKeyGroup(files: StateFiles, keys: Readonly<Record<string, string>>): void {
  writeWhole(files.keyGroup, JSON.stringify(keys))
  writeWhole(files.keyGroupGeneration, randomBytes(8).toString('hex'))
}

/** Returns the name of the file that contains the value of a key. The njs module `cloudfront` computes the same name. */
export function storeFileName(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Writes an entry of the KeyValueStore, seen by every edge at once; `undefined` removes it. */
export function writeKeyValue(files: StateFiles, key: string, value: string | undefined): void {
  storeKeyValue(files, key, value)
  showKeyValue(files, key, value)
}

/** Lets the edges see an entry. */
export function showKeyValue(files: StateFiles, key: string, value: string | undefined, write = writeWhole): void {
  writeOrRemove(join(files.keyValueStore, storeFileName(key)), value, write)
}

/** Writes an entry that no edge sees before `showKeyValue`. */
export function storeKeyValue(files: StateFiles, key: string, value: string | undefined, write = writeWhole): void {
  const file = join(files.keyValues, storeFileName(key))
  writeOrRemove(file, value === undefined ? undefined : JSON.stringify({ key, value }), write)
}

/** What the KeyValueStore holds, whether the edges see it yet or not. */
export function readKeyValues(files: StateFiles): Map<string, string> {
  const names = readdirSync(files.keyValues).filter((name) => !name.endsWith('.draft'))
  const entries = names.map((name) => JSON.parse(readFileSync(join(files.keyValues, name), 'utf8')))
  return new Map(entries.map(({ key, value }: { key: string; value: string }) => [key, value]))
}

/** Lets the edges see all that the KeyValueStore holds: a stage may have stopped before a change was seen. */
function propagateKeyValues(files: StateFiles): void {
  const entries = new Map([...readKeyValues(files)].map(([key, value]) => [storeFileName(key), value]))
  const seen = readdirSync(files.keyValueStore).filter((name) => !name.endsWith('.draft'))
  for (const name of new Set([...seen, ...entries.keys()])) {
    writeOrRemove(join(files.keyValueStore, name), entries.get(name))
  }
}

function writeOrRemove(file: string, text: string | undefined, write = writeWhole): void {
  if (text === undefined) rmSync(file, { force: true })
  else write(file, text)
}

/** Readers see the old text or the new one, never a part. Only the owner may read. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}.draft`
  writeFileSync(draft, text, { mode: 0o600 })
  renameSync(draft, file)
}
