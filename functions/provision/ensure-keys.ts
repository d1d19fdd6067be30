import { ConfigError } from '../../shared/errors.ts'
import { editKeyGroup } from '../../shared/keys/edit-key-group.ts'
import type { SigningKey } from '../../shared/keys/key-document.ts'
import { findOwnKeyGroup, type KeyRing, keyGroupName, readCurrent } from '../../shared/keys/key-ring.ts'
import { ownerTag, type SecretDescription } from '../../shared/keys/key-secret.ts'
import { makeKeyDocument, makeSharedSecret, publicKeyPem } from '../../shared/keys/make-key-pair.ts'
import { publishNewKey, useAtOnce } from '../../shared/keys/publish-key.ts'
import { documentText, replaceDocument } from '../../shared/keys/replace-document.ts'
import type { UndoList } from './undo.ts'

/** For whom the keys are, and what they must be good for. */
export interface KeysWanted {
  /** Id of the stack: it alone owns the keys. */
  readonly owner: string
  /** Whether HS256 sessions are verified with a secret of the document. */
  readonly sessionSecret: boolean
}

/**
 * Makes sure that the stage has a secret with a document, and a key group with its keys. What is there is kept; a secret that
 * was marked for deletion when its stack went is taken back, with its stamp key and its session secret.
 *
 * @throws ConfigError where the keys belong to another stack; ServiceError `ERR_KEYS_INVALID` where the document is damaged,
 *   `ERR_KEYS_ROTATION` where somebody else changed it at the same moment.
 */
export async function ensureKeys(ring: KeyRing, wanted: KeysWanted, undo: UndoList): Promise<void> {
  const made = await ensureDocument(ring, wanted, undo)
  // A group may have been left by an earlier stack, whose distribution still trusts it.
  if ((await findOwnKeyGroup(ring)) === undefined) await makeKeyGroup(ring, undo)
  else if (made !== undefined) await addToKeyGroup(ring, made.keyPairId, undo)
  await ensureSessionSecret(ring, wanted)
}

/** @returns the key that was made, if one was. */
async function ensureDocument(ring: KeyRing, wanted: KeysWanted, undo: UndoList): Promise<SigningKey | undefined> {
  const { secret } = ring
  const description = await secret.describe()
  if (description?.markedForDeletion === true) {
    await secret.restore(wanted.owner)
    undo.add(`secret ${secret.id}`, (stores) => stores.secret.remove())
    ring.report(`secret ${secret.id}: its deletion was taken back`)
    return undefined
  }
  if (description !== undefined) {
    refuseForeign(secret.id, description, wanted.owner)
    const hasText = description.current !== undefined && (await secret.read(description.current)) !== undefined
    if (hasText) return undefined
  }
  const key = await publishNewKey(ring, useAtOnce(ring))
  undo.add(`public key ${key.keyPairId}`, ({ trusted }) => trusted.deletePublicKey(key.keyPairId))
  const document = makeKeyDocument(key, wanted.sessionSecret ? makeSharedSecret() : undefined)
  if (description === undefined) {
    await secret.create(documentText(document), wanted.owner)
    undo.add(`secret ${secret.id}`, (stores) => stores.secret.erase())
  } else {
    await replaceDocument(ring, document, description.current)
  }
  ring.report(`secret ${secret.id}: ${description === undefined ? 'made' : 'was empty, filled'}`)
  return key
}

/** A second stack of the same service and stage must not take the first one's keys, nor remove them when it is rolled back. */
export function refuseForeign(id: string, { owner, arn }: SecretDescription, stackId: string): void {
  if (owner === stackId) return
  throw new ConfigError(
    owner === undefined
      ? `secret ${id} (${arn}) was not made by this stack: delete it, or tag it ${ownerTag}=${stackId} to hand it over`
      : `secret ${id} belongs to stack ${owner}: remove that stack, or choose another service or stage name`,
  )
}

async function addToKeyGroup(ring: KeyRing, keyPairId: string, undo: UndoList): Promise<void> {
  // Noted first: the change may be made and its answer lost.
  undo.add(`public key ${keyPairId} in the key group`, async ({ secret, trusted }) => {
    await editKeyGroup({ ...ring, secret, trusted }, (ids) => ids.filter((id) => id !== keyPairId))
  })
  await editKeyGroup(ring, (ids) => [...ids, keyPairId])
}

async function makeKeyGroup(ring: KeyRing, undo: UndoList): Promise<void> {
  const { document, versionId } = await readCurrent(ring)
  const published = await ring.trusted.listPublicKeys()
  const there = document.keys.filter(({ keyPairId, publicKey }) =>
    published.some(({ id, pem }) => id === keyPairId && pem.trim() === publicKeyPem(publicKey).trim()),
  )
  if (there.length === 0) {
    // The secret outlived its public keys. Their signatures are refused already, so the new key need not wait.
    const key = await publishNewKey(ring, useAtOnce(ring))
    undo.add(`public key ${key.keyPairId}`, ({ trusted }) => trusted.deletePublicKey(key.keyPairId))
    await replaceDocument(ring, { ...document, keys: [key] }, versionId)
    there.push(key)
  }
  const group = await ring.trusted.createKeyGroup({
    name: keyGroupName(ring.name),
    comment: ring.secret.id,
    keyPairIds: there.map(({ keyPairId }) => keyPairId),
  })
  undo.add(`key group ${group.id}`, ({ trusted }) => trusted.deleteKeyGroup(group))
  ring.report(`key group ${group.id}: made`)
}

async function ensureSessionSecret(ring: KeyRing, wanted: KeysWanted): Promise<void> {
  if (!wanted.sessionSecret) return
  const { document, versionId } = await readCurrent(ring)
  if (document.sessionSecret !== undefined) return
  await replaceDocument(ring, { ...document, sessionSecret: makeSharedSecret() }, versionId)
  ring.report(`secret ${ring.secret.id}: sessionSecret added; the app signs its sessions with it`)
}
