import type { ArrivedPage } from '../../shared/assets/s3/list.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import {
  type KeyRing,
  latestKey,
  readCurrent,
  readPublishedKeys,
  requireKeyGroup,
  requireSecret,
} from '../../shared/keys/key-ring.ts'
import { keysSecretId } from '../../shared/keys/key-secret.ts'
import { readKeyStatus } from '../../shared/keys/key-status.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import { type MaintenancePlan, planMaintenance } from '../../shared/keys/maintenance-plan.ts'
import { fail, pass } from '../finding.ts'
import { showTime } from '../input/time.ts'
import { type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import { openIncoming, openKeyRing, openRevocationStores, partsOf, readStack } from '../stage/deployed-stage.ts'
import { type Check, type DoctorFinding, type Repair, repairable } from './check.ts'
import { checkRevocations, checkStampKey } from './revocation-checks.ts'

/** Checks of the AWS side of a deployed stage. They only read, with the permissions of an operator in `docs/operations.md`. */
export function deployedChecks(deployment: Deployment, settings: ClientSettings, now: number): readonly Check[] {
  return [
    {
      name: 'stack',
      async run() {
        const { status } = await readStack(deployment, settings)
        if (status === 'UPDATE_ROLLBACK_FAILED') {
          return fail(status, 'aws cloudformation continue-update-rollback, then deploy again (docs/keys.md)')
        }
        return /^(CREATE|UPDATE)_COMPLETE$/.test(status)
          ? pass(status)
          : fail(status, 'see the events of the stack, then deploy again')
      },
    },
    {
      name: 'rotation',
      async run() {
        const secret = await describeSecret(keysSecretId(deployment.service, deployment.stage), settings)
        if (secret.RotationEnabled !== true) return fail('not scheduled: keys grow old', 'deploy again')
        const next = secret.NextRotationDate
        return pass(next === undefined ? 'scheduled' : `next ${showTime(Math.floor(next.getTime() / 1000))}`)
      },
    },
    ...stateChecks(deployment, settings, now),
  ]
}

/** Checks whether the stores of a stage agree with each other. `edge-signer repair` runs these and their repairs. */
export function stateChecks(deployment: Deployment, settings: ClientSettings, now: number): readonly Check[] {
  const { service, stage, config } = deployment
  const check = (name: string, run: () => Promise<DoctorFinding>): Check => ({ name, run: () => throughAws(run) })
  const ring = () => openKeyRing(deployment, settings, now)
  const revocations = async () => {
    const stack = await readStack(deployment, settings)
    return { stores: await openRevocationStores(partsOf(stack), settings), now: stack.answeredAt ?? now }
  }
  return [
    check('keys', async () => checkKeys(await ring())),
    check('key leftovers', async () => checkKeyLeftovers(await ring())),
    check('key owner', async () => checkKeyOwner(await ring(), (await readStack(deployment, settings)).id)),
    check('stamp key', async () => {
      const { document } = await readCurrent(await ring())
      return checkStampKey(await revocations(), document.stampKey)
    }),
    check('revocations', async () => checkRevocations(await revocations())),
    check('uploads', async () => {
      const list = await openIncoming(partsOf(await readStack(deployment, settings)), config.keyPrefix, settings)
      return checkUploads(list, now, `${service}-${stage}-publish`)
    }),
  ]
}

async function describeSecret(SecretId: string, settings: ClientSettings) {
  const { DescribeSecretCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  return throughAws(() => new SecretsManagerClient(settings).send(new DescribeSecretCommand({ SecretId })))
}

/** Two runs of the hourly sweep, and the delay in which it leaves an upload to its own event. */
const overdueSeconds = 2 * 3600 + 600

/**
 * Checks for incoming uploads that the event and the sweep should have published or refused by now (invariant I3).
 *
 * @param now epoch seconds.
 * @param publishFunction name of the function that publishes.
 */
export async function checkUploads(
  list: (after: string | undefined) => Promise<ArrivedPage>,
  now: number,
  publishFunction: string,
): Promise<DoctorFinding> {
  let waiting = 0
  let overdue = 0
  let after: string | undefined
  do {
    const page = await list(after)
    waiting += page.uploads.length
    overdue += page.uploads.filter(({ arrivedAt }) => arrivedAt + overdueSeconds < now).length
    after = page.next
  } while (after !== undefined)
  if (overdue === 0) return pass(waiting === 0 ? 'none waits' : `${waiting} arrived a moment ago`)
  return fail(
    `${overdue} arrived more than two hours ago and were not published: refused, or not swept`,
    `see the log of ${publishFunction}; to sweep now: aws lambda invoke --region us-east-1 --function-name ${publishFunction} --cli-binary-format raw-in-base64-out --payload '{"source":"aws.events"}' /dev/stdout`,
  )
}

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
