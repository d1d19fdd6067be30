import { ConfigError, ServiceError } from '../../shared/errors.ts'
import type { KeyDocument, SigningKey } from '../../shared/keys/key-document.ts'
import {
  editKeyGroup,
  findOwnKeyGroup,
  type KeyRing,
  keyGroupName,
  readCurrent,
  requireKeyGroup,
} from '../../shared/keys/key-ring.ts'
import { lateSeconds, ownerTag, released, type SecretDescription } from '../../shared/keys/key-secret.ts'
import { documentText, replaceDocument } from '../../shared/keys/maintain-keys.ts'
import { isAbandonedKey } from '../../shared/keys/maintenance-plan.ts'
import { makeKeyDocument, makeSharedSecret } from '../../shared/keys/make-key-pair.ts'
import { type MadeKey, refuseKmsKeys, takeBackKey, useAtOnce, withNewKey } from '../../shared/keys/publish-key.ts'
import { maxKeysInGroup } from '../../shared/keys/trusted-keys.ts'
import { ConcurrentChangeError, isConcurrentChange } from '../../shared/operations/retry.ts'
import type { UndoList } from './undo.ts'

/** For whom the keys are, and what they must be good for. */
export interface KeysWanted {
  /** Id of the stack: it alone owns the keys. */
  readonly owner: string
  /** True if HS256 sessions are verified with a secret of the document. */
  readonly sessionSecret: boolean
  /** True if a failure of this run ends the stack, so that the secret must be removed with it. */
  readonly isNewStack: boolean
}

/** Dependencies of this run. */
interface Keys {
  readonly ring: KeyRing
  readonly wanted: KeysWanted
  readonly undo: UndoList
}

/**
 * Makes sure that the stage has a secret with a document, and a key group with its keys. What is there is kept; a secret that
 * was marked for deletion when its stack went is taken back, with its stamp key and its session secret.
 *
 * A key is added to the group before a document names it, so that no document ever signs with a key that CloudFront refuses.
 * Each undo is noted before its step: the step may be carried out and its answer lost.
 *
 * @throws ConfigError where the keys belong to another stack; ServiceError `ERR_KEYS_INVALID` where the document is damaged;
 *   ConcurrentChangeError where another run changed them at the same moment.
 */
export async function ensureKeys(ring: KeyRing, wanted: KeysWanted, undo: UndoList): Promise<void> {
  const keys = { ring, wanted, undo }
  const description = await ensureOwnSecret(keys)
  const hasText = description?.current !== undefined && (await ring.secret.read(description.current)) !== undefined
  if (!hasText) await makeDocument(keys, description)
  else if ((await findOwnKeyGroup(ring)) === undefined) await replaceKeyGroup(keys)
  await ensureSessionSecret(ring, wanted)
}

/** @returns the secret as it is now, usable and owned by this stack; `undefined` where there is none. */
async function ensureOwnSecret({ ring, wanted, undo }: Keys): Promise<SecretDescription | undefined> {
  const { secret } = ring
  const description = await secret.describe()
  if (description === undefined) return undefined
  const isReleased = description.markedForDeletion || description.owner === released
  if (!isReleased) {
    refuseForeign(secret.id, description, wanted.owner)
    return description
  }
  refuseLate(ring, description, wanted.owner)
  noteSecret(wanted, undo, secret.id)
  if (description.markedForDeletion) {
    await secret.restore()
    ring.report(`secret ${secret.id}: its deletion was taken back`)
  }
  await secret.adopt(wanted.owner)
  return secret.describe()
}

/** The secret of a stack that never came to be goes with it. One that an update repairs stays: it holds the stage's keys. */
function noteSecret({ owner, isNewStack }: KeysWanted, undo: UndoList, secretId: string): () => void {
  if (!isNewStack) return () => {}
  return undo.add(`secret ${secretId}`, async ({ secret }) => {
    const description = await secret.describe()
    const isOurs = description?.owner === owner || description?.owner === released
    if (isOurs && !description.markedForDeletion) await secret.remove()
  })
}

/** Notes a key that is made, for its undo. One that a document names by then stays. */
export function noteKey(ring: KeyRing, undo: UndoList): (made: MadeKey) => void {
  return (made) =>
    void undo.add(`public key ${made.name}`, ({ secret, trusted }) => takeBackKey({ ...ring, secret, trusted }, made))
}

/** A creation that Lambda runs again must not bring back what a removal of the same stack took away meanwhile. */
function refuseLate({ secret, now }: KeyRing, { gone }: SecretDescription, stackId: string): void {
  if (gone?.id !== stackId || gone.at + lateSeconds < now) return
  throw new ConfigError(
    `secret ${secret.id} went with stack ${stackId}, and this request came after its removal: if the stack is to stay, deploy ` +
      'again in a quarter of an hour',
  )
}

/** A second stack of the same service and stage must not take the first one's keys, nor remove them when it is rolled back. */
export function refuseForeign(id: string, { owner, arn }: SecretDescription, stackId: string): void {
  if (owner === stackId) return
  const handOver = `tag it ${ownerTag}=${released} to hand it over`
  throw new ConfigError(
    owner === undefined
      ? `secret ${id} (${arn}) was not made by this stack: delete it, or ${handOver}`
      : `secret ${id} belongs to stack ${owner}: remove that stack, or choose another service or stage name; where that stack is no more, ${handOver}`,
  )
}

/** The first document of a secret that is not there, or holds no text. */
async function makeDocument({ ring, wanted, undo }: Keys, description: SecretDescription | undefined): Promise<void> {
  const { secret } = ring
  await unpublishAbandoned(ring)
  await withUndoneKey({ ring, wanted, undo }, async (key) => {
    if ((await findOwnKeyGroup(ring)) === undefined) await makeKeyGroup(ring, [key.keyPairId])
    else await joinKeyGroup(ring, key.keyPairId)
    const document = makeKeyDocument(key, wanted.sessionSecret ? makeSharedSecret() : undefined)
    if (description === undefined) {
      const forget = noteSecret(wanted, undo, secret.id)
      await secret.create(documentText(document), wanted.owner).catch((error) => {
        // The secret of another run must not be removed by this one.
        if (isConcurrentChange(error)) forget()
        throw error
      })
    } else {
      await replaceDocument(ring, document, description.current)
    }
    ring.report(`secret ${secret.id}: ${description === undefined ? 'made' : 'was empty, filled'}`)
  })
}

/** Public keys that earlier runs left use up the account's quota, and the key to come would find no room. */
async function unpublishAbandoned(ring: KeyRing): Promise<void> {
  const group = await findOwnKeyGroup(ring)
  for (const { id } of (await ring.trusted.listPublicKeys()).filter((key) => isAbandonedKey(key, ring, group))) {
    ring.report(`public key ${id}: ${await ring.trusted.deletePublicKey(id)}`)
  }
}

/**
 * A group in the place of one that is gone. With it all its keys lost their trust, and none of them is trusted again: the
 * signatures of the old keys are refused already, so a new key need not wait. Keys in KMS are looked after by hand.
 */
async function replaceKeyGroup(keys: Keys): Promise<void> {
  const { ring } = keys
  if (await isListedLater(ring)) return
  const { document, versionId } = await readCurrent(ring)
  if (document.keys.some(({ kmsKeyId }) => kmsKeyId !== undefined)) return restoreKmsKeys(keys, document)
  // Only for a group that this run makes: in one that is there after all, the old keys are good, and the new one would sign
  // before it is known everywhere.
  await withUndoneKey(keys, async (key) => {
    await makeKeyGroup(ring, [key.keyPairId])
    await replaceDocument(ring, { ...document, keys: [key] }, versionId)
  })
}

async function restoreKmsKeys({ ring }: Keys, { keys }: KeyDocument): Promise<void> {
  const ids: string[] = []
  for (const { keyPairId } of keys) if ((await ring.trusted.findPublicKey(keyPairId)) !== undefined) ids.push(keyPairId)
  if (ids.length === 0) refuseKmsKeys(keys)
  await makeKeyGroup(ring, ids)
}

/** CloudFront's list lags behind: a group that it does not show may be there. */
async function isListedLater(ring: KeyRing): Promise<boolean> {
  try {
    await requireKeyGroup(ring)
    return true
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'ERR_KEYS_UNAVAILABLE') return false
    throw error
  }
}

/** Makes a key that signs at once and goes with this run, should it fail. */
async function withUndoneKey({ ring, undo }: Keys, use: (key: SigningKey) => Promise<void>): Promise<void> {
  await withNewKey(ring, useAtOnce(ring), use, noteKey(ring, undo))
}

/**
 * The group was left by an earlier stack, whose distribution still trusts it. Where it is full, the oldest of its keys that are
 * ours makes room: no document names them, so nothing signs with them.
 */
async function joinKeyGroup(ring: KeyRing, keyPairId: string): Promise<void> {
  const published = await ring.trusted.listPublicKeys()
  const ours = new Set(published.filter(({ comment }) => comment === ring.secret.id).map(({ id }) => id))
  await editKeyGroup(ring, (ids) => {
    const oldest = ids.length < maxKeysInGroup ? undefined : ids.find((id) => ours.has(id))
    return [...ids.filter((id) => id !== oldest), keyPairId]
  })
}

async function makeKeyGroup(ring: KeyRing, keyPairIds: readonly string[]): Promise<void> {
  const name = keyGroupName(ring.name)
  const group = await ring.trusted.createKeyGroup({ name, comment: ring.secret.id, keyPairIds })
  // There is one that the list did not show: another run made it, or the list lagged behind.
  if (group === 'exists') {
    throw new ConcurrentChangeError('ERR_KEYS_ROTATION', `key group ${name} was made at the same moment: try again`)
  }
  ring.report(`key group ${group.id}: made`)
}

async function ensureSessionSecret(ring: KeyRing, wanted: KeysWanted): Promise<void> {
  if (!wanted.sessionSecret) return
  const { document, versionId } = await readCurrent(ring)
  if (document.sessionSecret !== undefined) return
  await replaceDocument(ring, { ...document, sessionSecret: makeSharedSecret() }, versionId)
  ring.report(`secret ${ring.secret.id}: sessionSecret added; the app signs its sessions with it`)
}
