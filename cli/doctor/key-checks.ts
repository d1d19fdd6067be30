import {
  type KeyRing,
  latestKey,
  readCurrent,
  readPublishedKeys,
  requireKeyGroup,
  requireSecret,
} from '../../shared/keys/key-ring.ts'
import { readKeyStatus } from '../../shared/keys/key-status.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import { type MaintenancePlan, planMaintenance } from '../../shared/keys/maintenance-plan.ts'
import { fail, pass } from '../finding.ts'
import { type DoctorFinding, type Repair, repairable } from './check.ts'

/**
 * Checks that every key of the document is trusted, and that one of them can sign (invariants I1 and I6 in docs/keys.md). A key that
 * is not in the key group was removed from it on purpose: the repair never adds it again.
 */
export async function checkKeys(ring: KeyRing): Promise<DoctorFinding> {
  const { keys, faults, rotation } = await readKeyStatus(ring)
  if (faults.length > 0) {
    const { keys: staying, broughtForward } = await readPlan(ring)
    const untrusted = keys.filter(({ fate }) => fate === 'withdrawn' || fate === 'mismatched')
    const canSign = latestKey(staying) !== undefined && broughtForward === undefined
    if (untrusted.length === 0 && canSign) return fail(faults.join('; '), 'docs/keys.md')
    const does = [
      ...(untrusted.length === 0
        ? []
        : [`drop ${untrusted.map(({ keyPairId }) => keyPairId).join(', ')} from the key document`]),
      ...(latestKey(staying) === undefined ? ['make a new key, which signs at once'] : []),
      ...(broughtForward === undefined ? [] : [`let ${broughtForward.keyPairId} sign at once`]),
    ]
    return repairable(faults.join('; '), 'edge-signer repair, or deploy again (docs/keys.md)', maintenance(ring, does))
  }
  const shown = keys.map(({ keyPairId, algorithm, role }) => `${keyPairId} ${algorithm} ${role}`)
  return pass([...shown, ...(rotation === undefined ? [] : ['a rotation is under way'])].join(', '))
}

/**
 * Checks for leftovers of an interrupted run: a private key in a draft of the secret, or a public key that no document names or
 * needs (invariants I2 and I6).
 */
export async function checkKeyLeftovers(ring: KeyRing): Promise<DoctorFinding> {
  const { draft } = await requireSecret(ring)
  const { leave, unpublish, abandoned } = await readPlan(ring)
  const publicKeys = [...abandoned, ...unpublish]
  if (draft === undefined && publicKeys.length === 0) return pass('no key without a document')
  const found = [
    ...(draft === undefined ? [] : [`version ${draft} of the secret is a draft that was never used`]),
    ...(publicKeys.length === 0 ? [] : [`public key ${publicKeys.join(', ')} is unused`]),
  ]
  const does = [
    ...(draft === undefined ? [] : [`remove the label from version ${draft}, which Secrets Manager then deletes`]),
    ...(leave.length === 0 ? [] : [`remove ${leave.join(', ')} from the key group`]),
    ...(publicKeys.length === 0 ? [] : [`delete public key ${publicKeys.join(', ')}`]),
  ]
  return repairable(found.join('; '), 'edge-signer repair; the daily rule does it as well', maintenance(ring, does))
}

/** Checks that the stack of the stage owns the keys (I2): if another stack is deleted, its keys are deleted with it. */
export async function checkKeyOwner(ring: KeyRing, stackId: string): Promise<DoctorFinding> {
  const { owner } = await requireSecret(ring)
  if (owner === stackId) return pass('the stack owns the secret')
  return fail(
    owner === undefined ? 'no stack owns the secret' : `the secret belongs to ${owner}, and the stage is ${stackId}`,
    'deploy again: the error of the deploy says how to transfer the secret',
  )
}

/** Keeps the algorithm of the existing keys. Only a deploy changes to another algorithm of the configuration. */
function maintenance(ring: KeyRing, does: readonly string[]): Repair {
  return {
    does: does.join(', then '),
    async run() {
      const lines: string[] = []
      const { document } = await readCurrent(ring)
      const algorithm = latestKey(document.keys)?.algorithm ?? ring.algorithm
      await maintainKeys({ ...ring, algorithm, report: (line) => void lines.push(line) })
      return lines
    },
  }
}

async function readPlan(ring: KeyRing): Promise<MaintenancePlan> {
  const { document, writtenAt } = await readCurrent(ring)
  const group = await requireKeyGroup(ring)
  const named = [...group.keyPairIds, ...document.keys.map(({ keyPairId }) => keyPairId)]
  const published = await readPublishedKeys(ring, named)
  const algorithm = latestKey(document.keys)?.algorithm ?? ring.algorithm
  return planMaintenance({ document, writtenAt, group, published, mark: ring.secret.id }, { ...ring, algorithm })
}
