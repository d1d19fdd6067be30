import { groupIsFull } from '../edit-key-group.ts'
import { parseKeyDocument, type SigningKey, serializeKeyDocument } from '../key-document.ts'
import { type KeyRing, readCurrent, requireKeyGroup, requireSecret } from '../key-ring.ts'
import { firstUse, refuseKmsKeys, withNewKey } from '../publish-key.ts'
import { maxKeysInGroup } from '../trusted-keys.ts'

/**
 * First step: makes a key pair, publishes its public key, and writes the document that has it as pending version. The new key
 * may sign only when every edge location knows it.
 *
 * Run again, it keeps the version that is there. Cut off before the version is written, it leaves a public key that is in no
 * group; the daily rule removes it.
 *
 * @throws ServiceError `ERR_KEYS_LIMIT` where the group has no room for a fifth successor.
 */
export async function createSecret(versionId: string, ring: KeyRing): Promise<void> {
  const { current } = await requireSecret(ring)
  if (current === versionId) return
  const own = await ring.secret.read(versionId)
  if (own !== undefined) {
    parseKeyDocument(own.json)
    return
  }
  const { document } = await readCurrent(ring)
  refuseKmsKeys(document.keys)
  const group = await requireKeyGroup(ring)
  // Before a key is made: a public key that fits into no group would use up the account's ten.
  if (group.keyPairIds.length >= maxKeysInGroup) throw groupIsFull(group)
  const use = (key: SigningKey) =>
    ring.secret.addPending(versionId, serializeKeyDocument({ ...document, keys: [...document.keys, key] }))
  await withNewKey(ring, firstUse(ring, document.keys), use, undefined)
}
