import { editKeyGroup } from './edit-key-group.ts'
import {
  type CurrentDocument,
  type KeyRing,
  latestKey,
  readCurrent,
  requireKeyGroup,
  requireSecret,
} from './key-ring.ts'
import { type KeyFate, type MaintenancePlan, planMaintenance } from './maintenance-plan.ts'
import { firstUse, publishNewKey, refuseKmsKeys, useAtOnce } from './publish-key.ts'
import { replaceDocument } from './replace-document.ts'

/** A rotation that has not ended after this many seconds will not end: Secrets Manager runs its steps within minutes. */
const abandonedAfter = 86_400

/**
 * Makes key document and CloudFront agree, and retires what nobody needs any more: the daily rule, and a part of each deploy.
 * May be run at any time, again, and beside itself.
 *
 * - Old keys leave document, group and account a day after their successor became usable.
 * - A key that was taken out of the group or deleted by hand is not trusted again. Where no other can sign, the one that waits
 *   signs at once; where there is none, a new one is made.
 * - Public keys that an unfinished rotation left behind are removed.
 * - Where the newest key is of another algorithm than the stage's, a new key follows it.
 *
 * Skipped while a rotation is under way, unless `evenDuringRotation`: the rotation would bring back what is removed here.
 *
 * @throws ServiceError `ERR_KEYS_…` with what to do.
 */
export async function maintainKeys(ring: KeyRing, options: { evenDuringRotation?: boolean } = {}): Promise<void> {
  if ((await isRotationUnderWay(ring)) && options.evenDuringRotation !== true) {
    ring.report('a rotation is under way: nothing was retired')
    return
  }
  const current = await readCurrent(ring)
  const plan = await makePlan(ring, current)
  tellFates(ring, plan)
  if (latestKey(plan.keys)?.algorithm !== ring.algorithm) await addKey(ring, current, plan)
  else if (changesDocument(plan, current)) {
    await replaceDocument(ring, { ...current.document, keys: plan.keys }, current.versionId)
  }
  await removeLeftovers(ring, plan)
}

async function makePlan(ring: KeyRing, { document, writtenAt }: CurrentDocument): Promise<MaintenancePlan> {
  const group = await requireKeyGroup(ring)
  const published = await ring.trusted.listPublicKeys()
  return planMaintenance({ document, writtenAt, group, published, mark: ring.secret.id }, ring)
}

function changesDocument({ keys, broughtForward }: MaintenancePlan, { document }: CurrentDocument): boolean {
  return broughtForward !== undefined || keys.length !== document.keys.length
}

/** The new key first: where anything fails half-way, all that signs and verifies is as it was. */
async function addKey(ring: KeyRing, current: CurrentDocument, plan: MaintenancePlan): Promise<void> {
  const { keys } = plan
  refuseKmsKeys(current.document.keys)
  const notBefore = keys.length === 0 ? useAtOnce(ring) : firstUse(ring, current.document.keys)
  const key = await publishNewKey(ring, notBefore)
  try {
    await editKeyGroup(ring, (ids) => [...ids.filter((id) => !plan.leave.includes(id)), key.keyPairId])
    await replaceDocument(ring, { ...current.document, keys: [...keys, key] }, current.versionId)
  } catch (error) {
    await editKeyGroup(ring, (ids) => ids.filter((id) => id !== key.keyPairId)).catch(() => undefined)
    await ring.trusted.deletePublicKey(key.keyPairId).catch(() => undefined)
    throw error
  }
}

/** After the document: a crash in between leaves a public key too many, never a key that signs and is not trusted. */
async function removeLeftovers(ring: KeyRing, plan: MaintenancePlan): Promise<void> {
  if (plan.foreign.length > 0) ring.report(`key group: ${plan.foreign.join(', ')} is not ours and was left in it`)
  if (plan.leave.length > 0) await editKeyGroup(ring, (ids) => ids.filter((id) => !plan.leave.includes(id)))
  for (const id of plan.unpublish) {
    const outcome = await ring.trusted.deletePublicKey(id)
    ring.report(`public key ${id}: ${outcome === 'deleted' ? 'deleted' : 'still in a key group, left'}`)
  }
}

async function isRotationUnderWay(ring: KeyRing): Promise<boolean> {
  const { pending, current } = await requireSecret(ring)
  if (pending === undefined || pending === current) return false
  const version = await ring.secret.read(pending)
  if (version !== undefined && version.createdAt + abandonedAfter > ring.now) return true
  // Secrets Manager would try the same version again for ever; without the label the next rotation starts afresh.
  await ring.secret.dropPending(pending)
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
