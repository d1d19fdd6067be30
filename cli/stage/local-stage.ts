import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import * as v from 'valibot'
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

const stageSchema = v.object({ process: v.number(), enforcement: v.picklist(['key-group', 'gate']) })

/** Description that a running local stage gives of itself (`local/dev-pages.ts`). */
export type RunningStage = v.InferOutput<typeof stageSchema>

const timeoutMs = 2000

/**
 * Asks the stage at an address for its description. The configuration does not suffice, because options of `npm start` may have
 * named another mode. A state file does not suffice either, because it may remain from a process that ended.
 *
 * @param url `http://localhost:8080`
 * @param state state directory of the stage, which contains its certificate.
 * @returns `undefined` if nothing responds, or something other than a local stage.
 */
export async function askRunningStage(url: string, state = defaultStateDirectory): Promise<RunningStage | undefined> {
  const ca = await readFile(join(state, 'tls.crt'), 'utf8').catch(() => undefined)
  const dispatcher = new Agent({ maxResponseSize: 4096, connect: ca === undefined ? {} : { ca } })
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const { statusCode, body } = await request(new URL('/dev/stage', url), { dispatcher, signal })
    const answer = v.safeParse(stageSchema, await body.json())
    return statusCode === 200 && answer.success ? answer.output : undefined
  } catch {
    return undefined
  } finally {
    void dispatcher.destroy()
  }
}

/** Finds the stage that serves a port of this machine, with or without TLS. */
export async function findRunningStage(port: number, state?: string): Promise<RunningStage | undefined> {
  const plain = await askRunningStage(`http://127.0.0.1:${port}`, state)
  return plain ?? askRunningStage(`https://127.0.0.1:${port}`, state)
}
