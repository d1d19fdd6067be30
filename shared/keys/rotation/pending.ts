import { ServiceError } from '../../errors.ts'
import { type KeyDocument, parseKeyDocument, type SigningKey } from '../key-document.ts'
import { type CurrentDocument, type KeyRing, readCurrent, requireSecret } from '../key-ring.ts'

/** A rotation on its way: the document that shall become current, and the one that is. */
export interface PendingRotation {
  readonly pending: KeyDocument
  readonly current: CurrentDocument
  /** What the pending document has and the current one has not. */
  readonly newKeys: readonly SigningKey[]
}

/**
 * The rotation of a version; `undefined` where it is done already, or where the version has no text (Secrets Manager tries a
 * rotation function out with such a version when a schedule is set).
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where another rotation took this one's place.
 */
export async function readPending(versionId: string, ring: KeyRing): Promise<PendingRotation | undefined> {
  const description = await requireSecret(ring)
  if (description.current === versionId) return undefined
  const version = await ring.secret.read(versionId)
  if (version === undefined) return undefined
  if (description.pending !== versionId) {
    throw new ServiceError('ERR_KEYS_ROTATION', `rotation ${versionId}: another one took its place; nothing to do`)
  }
  const pending = parseKeyDocument(version.json)
  const current = await readCurrent(ring)
  const known = new Set(current.document.keys.map(({ keyPairId }) => keyPairId))
  return { pending, current, newKeys: pending.keys.filter(({ keyPairId }) => !known.has(keyPairId)) }
}

/** Ends a rotation that cannot go on, so that the next one starts afresh. The error says why. */
export async function giveUp(versionId: string, ring: KeyRing, why: string): Promise<never> {
  await ring.secret.dropPending(versionId)
  throw new ServiceError('ERR_KEYS_ROTATION', `rotation ${versionId}: ${why}. It was given up; start a new one`)
}
