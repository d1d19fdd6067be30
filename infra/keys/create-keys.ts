import type { Deployment } from '../../shared/config/parse.ts'
import { ConfigError } from '../../shared/errors.ts'
import { type KeyDocument, parseKeyDocument, serializeKeyDocument } from '../../shared/keys/key-document.ts'
import {
  makeKeyDocument,
  makeKeyPair,
  publicKeyFingerprint,
  publicKeyPem,
  signingKey,
} from '../../shared/keys/make-key-pair.ts'
import { keyGroupParameterName, resourceName, secretName } from '../names.ts'
import type { KeyStores, Report } from './stores.ts'

/** How the keys of a stage are made. */
export interface CreateKeysOptions {
  /** Epoch seconds. */
  readonly now: number
  /** The secret that the app signs its HS256 sessions with; taken only when the document is made. */
  readonly sessionSecret: string | undefined
  readonly report: Report
}

/** One thing that this run made, and how to take it back. */
interface Undo {
  readonly what: string
  readonly run: () => Promise<void>
}

/**
 * Makes what a stage needs before its first deploy: key pair, public key, secret document, key group, and the SSM parameter
 * that names the group. What is there already is kept, so it may be run again; after a failure what this run made is removed.
 *
 * @returns the id of the key group.
 */
export async function createKeys(
  deployment: Deployment,
  stores: KeyStores,
  options: CreateKeysOptions,
): Promise<string> {
  const undo: Undo[] = []
  try {
    const document = await ensureDocument(deployment, stores, options, undo)
    const groupId = await ensureKeyGroup(deployment, stores, document, options.report, undo)
    await ensureParameter(keyGroupParameterName(deployment), groupId, stores, options.report)
    return groupId
  } catch (error) {
    await undoAll(undo, options.report)
    throw error
  }
}

async function ensureDocument(
  deployment: Deployment,
  { cloudFront, secrets }: KeyStores,
  { now, sessionSecret, report }: CreateKeysOptions,
  undo: Undo[],
): Promise<KeyDocument> {
  const name = secretName(deployment)
  const existing = await secrets.read(name)
  if (existing !== undefined) {
    report(`secret ${name}: kept`)
    return parseKeyDocument(existing)
  }
  if (deployment.config.session.algorithms.includes('HS256') && sessionSecret === undefined) {
    throw new ConfigError('session.algorithms: HS256 needs the secret that the app signs with (--session-secret-file)')
  }
  const pair = makeKeyPair(deployment.config.keys.algorithm)
  const keyPairId = await cloudFront.createPublicKey(
    resourceName(deployment, publicKeyFingerprint(pair.publicKey)),
    publicKeyPem(pair.publicKey),
  )
  undo.push({ what: `public key ${keyPairId}`, run: () => cloudFront.deletePublicKey(keyPairId) })
  report(`public key ${keyPairId}: made (${pair.algorithm})`)
  // Serialised and parsed: what is stored is what every function will be able to load.
  const json = serializeKeyDocument(makeKeyDocument(signingKey(pair, keyPairId, now), sessionSecret))
  const document = parseKeyDocument(json)
  await secrets.write(name, json)
  undo.push({ what: `secret ${name}`, run: () => secrets.remove(name) })
  report(`secret ${name}: made`)
  return document
}

async function ensureKeyGroup(
  deployment: Deployment,
  { cloudFront }: KeyStores,
  document: KeyDocument,
  report: Report,
  undo: Undo[],
): Promise<string> {
  const name = resourceName(deployment, 'keys')
  const keyPairIds = document.keys.map((key) => key.keyPairId)
  const group = await cloudFront.findKeyGroup(name)
  if (group === undefined) {
    const id = await cloudFront.createKeyGroup(name, keyPairIds)
    undo.push({ what: `key group ${id}`, run: () => cloudFront.deleteKeyGroup(id) })
    report(`key group ${id}: made`)
    return id
  }
  const missing = keyPairIds.filter((id) => !group.keyPairIds.includes(id))
  if (missing.length === 0) {
    report(`key group ${group.id}: kept`)
    return group.id
  }
  // A key outside the group would sign cookies that CloudFront refuses. Others stay: cookies in use may be signed with them.
  await cloudFront.updateKeyGroup(group, [...group.keyPairIds, ...missing])
  undo.push({ what: `key group ${group.id}`, run: () => cloudFront.updateKeyGroup(group, group.keyPairIds) })
  report(`key group ${group.id}: added ${missing.join(', ')}`)
  return group.id
}

async function ensureParameter(
  name: string,
  groupId: string,
  { parameters }: KeyStores,
  report: Report,
): Promise<void> {
  if ((await parameters.read(name)) === groupId) {
    report(`parameter ${name}: kept`)
    return
  }
  await parameters.write(name, groupId)
  report(`parameter ${name}: ${groupId}`)
}

/** Last made, first removed: a public key cannot go while a group holds it. What cannot be removed is told, not hidden. */
async function undoAll(undo: readonly Undo[], report: Report): Promise<void> {
  for (const { what, run } of [...undo].reverse()) {
    try {
      await run()
      report(`${what}: taken back`)
    } catch (error) {
      report(`${what}: could not be taken back (${error instanceof Error ? error.name : 'unknown'}); do it by hand`)
    }
  }
}
