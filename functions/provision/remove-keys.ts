import { ConfigError } from '../../shared/errors.ts'
import { findOwnKeyGroup, type KeyRing } from '../../shared/keys/key-ring.ts'

/**
 * Removes what `ensureKeys` made for this owner, and nothing else. A key group that a distribution still trusts stays, with its
 * public keys; the secret can be restored for seven days.
 *
 * @returns what was left, in words for the operator; empty where nothing was.
 */
export async function removeKeys(ring: KeyRing, owner: string): Promise<string> {
  const description = await ring.secret.describe()
  if (description !== undefined && !description.markedForDeletion && description.owner !== owner) {
    return `secret ${ring.secret.id} is not this stack's: its keys were left`
  }
  const left: string[] = []
  const group = await findOwnKeyGroup(ring).catch(ignoreForeignGroup)
  if (group !== undefined && (await ring.trusted.deleteKeyGroup(group)) === 'in-use') {
    left.push(
      `key group ${group.id} is still trusted by a distribution: take it out there, then delete it and its keys`,
    )
  }
  for (const { id, comment } of await ring.trusted.listPublicKeys()) {
    if (comment !== ring.secret.id) continue
    if ((await ring.trusted.deletePublicKey(id)) === 'in-use') left.push(`public key ${id} is in a key group`)
  }
  if (description !== undefined && !description.markedForDeletion) await ring.secret.remove()
  ring.report(`secret ${ring.secret.id}: can be restored for seven days`)
  return left.join('; ')
}

/** The group of another service is no obstacle to removing what is ours. */
function ignoreForeignGroup(error: unknown): undefined {
  if (!(error instanceof ConfigError)) throw error
}
