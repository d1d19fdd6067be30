import { ConcurrentChangeError } from '../operations/retry.ts'
import { type KeyDocument, parseKeyDocument, type SigningKey, serializeKeyDocument } from './key-document.ts'
import {
  type CurrentDocument,
  editKeyGroup,
  type KeyRing,
  latestKey,
  readCurrent,
  readPublishedKeys,
  repeatWhenOvertaken,
  requireKeyGroup,
  requireSecret,
} from './key-ring.ts'
import { draftLabel } from './key-secret.ts'
import { type KeyFate, type MaintenancePlan, planMaintenance } from './maintenance-plan.ts'
import { firstUse, type MadeKey, refuseKmsKeys, useAtOnce, withNewKey } from './publish-key.ts'
import { isAbandoned } from './rotation/pending.ts'

/** How to maintain. */
export interface MaintenanceOptions {
  readonly evenDuringRotation?: boolean
  /** Receives each key that is made, before it is made: for an undo list. */
  readonly note?: (made: MadeKey) => void
}

/**
 * Makes key document and CloudFront agree, and retires what nobody needs any more: the daily rule, and a part of each deploy.
 * Idempotent; safe to run repeatedly and concurrently.
 *
 * - Old keys leave document, group and account a day after their successor became usable.
 * - A key that was taken out of the group or deleted by hand is not trusted again. Where no other can sign, the one that waits
 *   signs at once; where there is none, a new one is made.
 * - Public keys that an unfinished rotation left behind are removed.
 * - Where the newest key is of another algorithm than the stage's, a new key follows it.
 *
 * Skipped while a rotation is under way, unless `evenDuringRotation`.
 *
 * @throws ServiceError `ERR_KEYS_…` with what to do; ConcurrentChangeError where other writers keep changing the same keys.
 */
export async function maintainKeys(ring: KeyRing, options: MaintenanceOptions = {}): Promise<void> {
  await repeatWhenOvertaken(ring, () => maintainOnce(ring, options))
}

async function maintainOnce(ring: KeyRing, options: MaintenanceOptions): Promise<void> {
  if ((await isRotationUnderWay(ring)) && options.evenDuringRotation !== true) {
    ring.report('a rotation is under way: nothing was retired')
    return
  }
  const current = await readCurrent(ring)
  const plan = await makePlan(ring, current)
  tellFates(ring, plan)
  // First: an account whose quota is used up by leftovers could hold no new key.
  await unpublish(ring, plan.abandoned)
  if (latestKey(plan.keys)?.algorithm !== ring.algorithm) await addKey(ring, current, plan, options.note)
  else if (changesDocument(plan, current)) {
    await replaceDocument(ring, { ...current.document, keys: plan.keys }, current.versionId)
  }
  await removeLeftovers(ring, plan)
}

async function makePlan(ring: KeyRing, { document, writtenAt }: CurrentDocument): Promise<MaintenancePlan> {
  const group = await requireKeyGroup(ring)
  const published = await readPublishedKeys(ring, [
    ...group.keyPairIds,
    ...document.keys.map(({ keyPairId }) => keyPairId),
  ])
  return planMaintenance({ document, writtenAt, group, published, mark: ring.secret.id }, ring)
}

function changesDocument({ keys, broughtForward }: MaintenancePlan, { document }: CurrentDocument): boolean {
  return broughtForward !== undefined || keys.length !== document.keys.length
}

/** The new key first: where anything fails half-way, all that signs and verifies is as it was. */
async function addKey(
  ring: KeyRing,
  { document, versionId }: CurrentDocument,
  { fates, keys, leave }: MaintenancePlan,
  note: MaintenanceOptions['note'],
): Promise<void> {
  refuseKmsKeys(document.keys)
  const notBefore = keys.length === 0 ? useAtOnce(ring) : firstUse(ring, document.keys)
  // A key whose time is to come stays in the group for as long as a document names it: after a crash it would sign.
  const waiting = [...fates].filter(([, fate]) => fate === 'unused').map(([{ keyPairId }]) => keyPairId)
  const leaveNow = leave.filter((id) => !waiting.includes(id))
  const use = async (key: SigningKey) => {
    await editKeyGroup(ring, (ids) => [...ids.filter((id) => !leaveNow.includes(id)), key.keyPairId])
    await replaceDocument(ring, { ...document, keys: [...keys, key] }, versionId)
  }
  await withNewKey(ring, notBefore, use, note)
}

/** After the document: a crash in between leaves a public key too many, never a key that signs and is not trusted. */
async function removeLeftovers(ring: KeyRing, plan: MaintenancePlan): Promise<void> {
  if (plan.foreign.length > 0) ring.report(`key group: ${plan.foreign.join(', ')} is not ours and was left in it`)
  if (plan.leave.length > 0) await editKeyGroup(ring, (ids) => ids.filter((id) => !plan.leave.includes(id)))
  await unpublish(ring, plan.unpublish)
}

async function unpublish(ring: KeyRing, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const outcome = await ring.trusted.deletePublicKey(id)
    ring.report(`public key ${id}: ${outcome === 'deleted' ? 'deleted' : 'still in a key group, left'}`)
  }
}

async function isRotationUnderWay(ring: KeyRing): Promise<boolean> {
  const { pending, current, draft } = await requireSecret(ring)
  // Left by a change that was cut off. A change under way needs its label no more.
  if (draft !== undefined) await ring.secret.dropLabel(draftLabel, draft)
  if (pending === undefined || pending === current) return false
  const version = await ring.secret.read(pending)
  if (version !== undefined && !isAbandoned(version.createdAt, ring)) return true
  // Secrets Manager would try the same version again for ever; without the label the next rotation starts afresh.
  await ring.secret.dropLabel('AWSPENDING', pending)
  ring.report(`rotation ${pending}: abandoned, given up`)
  return false
}

const advice: Readonly<Record<Exclude<KeyFate, 'kept'>, string>> = {
  retired: 'retired',
  withdrawn:
    'is not in the key group or was deleted by hand: not used any more (docs/keys.md, "A key deleted by hand")',
  unused: 'is of another algorithm and never signed: taken back',
  mismatched: 'is the id of another public key: not used any more (docs/keys.md, "A damaged document")',
}

function tellFates(ring: KeyRing, { fates, broughtForward }: MaintenancePlan): void {
  for (const [{ keyPairId }, fate] of fates) if (fate !== 'kept') ring.report(`key ${keyPairId}: ${advice[fate]}`)
  if (broughtForward !== undefined) ring.report(`key ${broughtForward.keyPairId}: signs at once, as no other key can`)
}

/**
 * Makes a document the current one in the place of version `from` (`undefined`: of none with a text).
 *
 * Labels that an earlier run left are taken away first. `AWSPENDING` on `from` is that of a rotation that has ended: once the
 * document moves on, its late steps would otherwise take up again a key that was withdrawn since.
 *
 * @throws ConcurrentChangeError where another writer changed the secret at the same moment; nothing was replaced.
 */
export async function replaceDocument(
  { secret }: Pick<KeyRing, 'secret'>,
  document: KeyDocument,
  from: string | undefined,
): Promise<void> {
  const { pending, draft } = (await secret.describe()) ?? {}
  if (pending !== undefined && pending === from) await secret.dropLabel('AWSPENDING', pending)
  if (draft !== undefined) await secret.dropLabel(draftLabel, draft)
  if ((await secret.replaceCurrent(documentText(document), from)) === 'moved') return
  throw new ConcurrentChangeError('ERR_KEYS_ROTATION', `secret ${secret.id} was changed at the same moment: try again`)
}

/** The text to store. Parsed once: what is stored is what every function will be able to load. */
export function documentText(document: KeyDocument): string {
  const json = serializeKeyDocument(document)
  parseKeyDocument(json)
  return json
}
