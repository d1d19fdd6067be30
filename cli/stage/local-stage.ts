import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type KeyDocument, parseKeyDocument } from '../../shared/keys/key-document.ts'
import { parseRevocationValue, revocationKey } from '../../shared/revocation/key-value.ts'
import { UsageError } from '../usage-error.ts'

/** Default directory in which the emulation stores its secret, key group and KeyValueStore. */
export const defaultStateDirectory = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '.local', 'state')

/** Keys and revocations of a local stage at this moment. */
export interface LocalStage {
  readonly document: KeyDocument
  /** The key group, which may lag behind the key document, as in CloudFront. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>
  /** Returns the entry of the KeyValueStore for a prefix, in epoch seconds. */
  revokedBefore(prefix: string): Promise<number | undefined>
}

/**
 * Reads the state of the local stage, whether or not it is running.
 *
 * @throws UsageError if the stage was never started; ServiceError `ERR_KEYS_INVALID`.
 */
export async function readLocalStage(directory = defaultStateDirectory): Promise<LocalStage> {
  const document = parseKeyDocument(await readState(join(directory, 'secret.json')))
  const publicKeys = parseKeyGroup(await readState(join(directory, 'key-group.json')))
  return {
    document,
    publicKeys,
    async revokedBefore(prefix) {
      const name = createHash('sha256').update(revocationKey(prefix)).digest('hex')
      const entry = await readOptional(join(directory, 'key-value-store', name))
      return entry === undefined ? undefined : parseRevocationValue(entry)
    },
  }
}

/** `{ "<key pair id>": "<PEM>" }`. */
function parseKeyGroup(json: string): Map<string, KeyObject> {
  try {
    const group = JSON.parse(json) as Record<string, string>
    return new Map(Object.entries(group).map(([id, pem]) => [id, createPublicKey(pem)]))
  } catch {
    throw new UsageError('--local: the key group of the local stage is damaged')
  }
}

async function readState(path: string): Promise<string> {
  const text = await readOptional(path)
  if (text === undefined)
    throw new UsageError('--local: there is no local stage yet: run npm start, or name its directory with --state')
  return text
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`--local: cannot read the state (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
  }
}
