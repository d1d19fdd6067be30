import { ServiceError } from '../../errors.ts'
import { type KeyDocument, parseKeyDocument, type SigningKey, serializeKeyDocument } from '../key-document.ts'
import { type CurrentDocument, type KeyRing, latestKey, readCurrent, requireSecret } from '../key-ring.ts'
import type { SecretDescription } from '../key-secret.ts'
import { waitingTime } from '../key-times.ts'

/** A rotation under way: the document that shall become current, and the one that is. */
export interface PendingRotation {
  readonly pending: KeyDocument
  readonly current: CurrentDocument
  readonly description: SecretDescription
  /** The one key that this rotation made; `undefined` in the trial that Secrets Manager makes when a schedule is set. */
  readonly newKey: SigningKey | undefined
}

/** A rotation that has not ended after this many seconds will not end: Secrets Manager runs its steps within minutes. */
const abandonedAfter = 86_400

/** Returns true if a rotation began too long ago to go on. `begunAt`: epoch seconds. */
export function isAbandoned(begunAt: number, { now }: Pick<KeyRing, 'now'>): boolean {
  return begunAt + abandonedAfter <= now
}

/**
 * The rotation of a version; `undefined` where it is done already, or where the version has no text (Secrets Manager tries a
 * rotation function out with such a version when a schedule is set).
 *
 * @throws ServiceError `ERR_KEYS_ROTATION` where another rotation took this one's place, or it was abandoned.
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
  // `firstUse` makes a rotation's key the latest of its document. Every other key came from the document that was current then:
  // one that is not current any more was retired or withdrawn since, and must not come back.
  const latest = latestKey(pending.keys)
  const isKnown = current.document.keys.some(({ keyPairId }) => keyPairId === latest?.keyPairId)
  const newKey = isKnown ? undefined : latest
  // A key that no document names leaves the group 25 hours after it was made. A rotation that ended after that would have such a
  // key sign. Its beginning is in its key, by the clock of the function that judges here.
  if (newKey !== undefined && isAbandoned(newKey.notBefore - waitingTime(ring.times), ring)) {
    await giveUp(versionId, ring, 'it began more than a day ago')
  }
  return { pending, current, description, newKey }
}

/**
 * Returns true if the pending document is the current one and the rotation's own key, and nothing else. Anything else means
 * that the document was changed since the rotation began: to make it current would undo that change.
 */
export function isUpToDate({ pending, current: { document }, newKey }: PendingRotation): boolean {
  const keys = newKey === undefined ? document.keys : [...document.keys, newKey]
  return serializeKeyDocument({ ...document, keys }) === serializeKeyDocument(pending)
}

/** Ends a rotation that cannot go on, so that the next one starts afresh. The error says why. */
export async function giveUp(versionId: string, ring: KeyRing, why: string): Promise<never> {
  await ring.secret.dropLabel('AWSPENDING', versionId)
  throw new ServiceError('ERR_KEYS_ROTATION', `rotation ${versionId}: ${why}. It was given up; start a new one`)
}
