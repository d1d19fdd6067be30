import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseResourcePrefix } from '../shared/grant/resource-prefix.ts'
import type { KeyDocument } from '../shared/keys/key-document.ts'
import { parseRevocationValue, revocationKey, revocationValue } from '../shared/revocation/key-value.ts'
import {
  addRevocation,
  parseRevocationState,
  revocationStateKey,
  serializeRevocationState,
} from '../shared/revocation/state.ts'
import { storeFileName } from './njs/modules.ts'
import { publicKeysIn, readKeyDocument, type StateFiles, writeKeyGroup, writeKeyValue, writeWhole } from './state.ts'

/**
 * What an operator does to a stage (keys, key group, KeyValueStore, revocations), for a local one. Works from any process, as
 * the stage's state is files.
 */
export interface LocalStage {
  /** `http://localhost:8080` */
  readonly url: string
  readonly content: string
  readonly state: StateFiles
  /** Seconds until a change takes effect. */
  readonly propagationDelay: number
}

/** The key document: private keys, session secret, stamp key. */
export function keyDocumentOf(stage: LocalStage): KeyDocument {
  return readKeyDocument(stage.state)
}

/** Makes the key group trust exactly these keys (PEM by id), and waits until it does. */
export async function setKeyGroup(
  stage: LocalStage,
  keys: Readonly<Record<string, string>> = publicKeysIn(readKeyDocument(stage.state)),
): Promise<void> {
  await propagate(stage)
  writeKeyGroup(stage.state, keys)
}

/** Writes or (with `undefined`) removes an entry of the KeyValueStore, and waits until the edge sees it. */
export async function putKeyValue(stage: LocalStage, key: string, value: string | undefined): Promise<void> {
  await propagate(stage)
  writeKeyValue(stage.state, key, value)
}

/** A revocation to be. Times in epoch seconds. */
export interface RevocationRequest {
  readonly prefix: string
  readonly sub?: string
  /** Sessions and stamps up to this second are refused. */
  readonly before: number
  /** When the entry may be dropped; default a day after `before`. */
  readonly expires?: number
}

/** Revokes as an operator does: the state object at once, the KeyValueStore after the propagation delay, which it waits for. */
export async function revoke(stage: LocalStage, request: RevocationRequest, now = Date.now() / 1000): Promise<void> {
  const prefix = parseResourcePrefix(request.prefix)
  const file = join(stage.content, revocationStateKey)
  mkdirSync(dirname(file), { recursive: true })
  const { sub, before, expires = before + 86_400 } = request
  const state = addRevocation(readState(file), { prefix, ...(sub === undefined ? {} : { sub }), before, expires }, now)
  writeWhole(file, serializeRevocationState(state))
  const key = revocationKey(prefix)
  await putKeyValue(stage, key, revocationValue(Math.max(before, revokedBefore(stage, key))))
}

function readState(file: string) {
  try {
    return parseRevocationState(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { revocations: [] }
    throw error
  }
}

function revokedBefore(stage: LocalStage, key: string): number {
  try {
    return parseRevocationValue(readFileSync(join(stage.state.keyValueStore, storeFileName(key)), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

async function propagate(stage: LocalStage): Promise<void> {
  if (stage.propagationDelay > 0) await delay(stage.propagationDelay * 1000)
}
