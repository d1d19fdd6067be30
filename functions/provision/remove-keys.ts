import { ConfigError } from '../../shared/errors.ts'
import {
  findOwnKeyGroup,
  type KeyRing,
  readNamedKeyIds,
  readPublishedKeys,
  requireKeyGroup,
} from '../../shared/keys/key-ring.ts'
import { released, type SecretDescription } from '../../shared/keys/key-secret.ts'
import type { KeyGroup } from '../../shared/keys/trusted-keys.ts'
import { ConcurrentChangeError } from '../../shared/operations/retry.ts'

/**
 * Removes what `ensureKeys` made for this owner, and nothing else. A key group that a distribution still trusts stays, with its
 * public keys; the secret can be restored for seven days.
 *
 * Keys that are not in the group go first: they were withdrawn, or left by a run that was cut off. The secret goes last, so that
 * a removal that is cut off can be run again.
 *
 * @returns a text for the operator that names the things that were left; empty where everything went.
 */
export async function removeKeys(ring: KeyRing, owner: string): Promise<string> {
  const description = await ring.secret.describe()
  if (isForeign(description, owner)) return `secret ${ring.secret.id} is not this stack's: its keys were left`
  const left = await removePublicHalf(ring)
  if (description !== undefined && !description.markedForDeletion) await ring.secret.remove({ id: owner, at: ring.now })
  ring.report(`secret ${ring.secret.id}: can be restored for seven days`)
  return left.join('; ')
}

async function removePublicHalf(ring: KeyRing): Promise<readonly string[]> {
  const group = await findOwnKeyGroup(ring).catch(ignoreForeignGroup)
  const ids = await readOwnKeyIds(ring)
  const trusted = new Set(group?.keyPairIds)
  const stuck = await unpublish(
    ring,
    ids.filter((id) => !trusted.has(id)),
  )
  // A key in a group that was not found: the list may lag behind.
  if (group === undefined && stuck.length > 0 && (await isListedLater(ring))) return removePublicHalf(ring)
  const left = group === undefined ? [] : await removeGroup(ring, group)
  const kept = await unpublish(
    ring,
    ids.filter((id) => trusted.has(id)),
  )
  return [...left, ...[...stuck, ...kept].map((id) => `public key ${id} is in a key group`)]
}

async function isListedLater(ring: KeyRing): Promise<boolean> {
  return requireKeyGroup(ring).then(
    () => true,
    () => false,
  )
}

/** A secret that was released and is not marked for deletion was left by a removal, or by a creation that was cut off. */
function isForeign(description: SecretDescription | undefined, owner: string): boolean {
  if (description === undefined || description.markedForDeletion) return false
  return description.owner !== owner && description.owner !== released
}

/** By the documents, too: the list does not show a key that was made a moment ago. A damaged document is no obstacle. */
async function readOwnKeyIds(ring: KeyRing): Promise<readonly string[]> {
  const named = await readNamedKeyIds(ring).catch(() => [])
  const published = await readPublishedKeys(ring, named)
  return published.filter(({ comment }) => comment === ring.secret.id).map(({ id }) => id)
}

async function removeGroup(ring: KeyRing, group: KeyGroup): Promise<readonly string[]> {
  const outcome = await ring.trusted.deleteKeyGroup(group)
  if (outcome === 'deleted') return []
  if (outcome === 'changed-meanwhile') {
    throw new ConcurrentChangeError('ERR_KEYS_ROTATION', `key group ${group.id} was changed at the same moment`)
  }
  return [`key group ${group.id} is still trusted by a distribution: take it out there, then delete it and its keys`]
}

/** @returns the ids of the keys that are in use. */
async function unpublish(ring: KeyRing, ids: readonly string[]): Promise<readonly string[]> {
  const stuck: string[] = []
  for (const id of ids) if ((await ring.trusted.deletePublicKey(id)) === 'in-use') stuck.push(id)
  return stuck
}

/** The group of another service is no obstacle to removing what is ours. */
function ignoreForeignGroup(error: unknown): undefined {
  if (!(error instanceof ConfigError)) throw error
}
