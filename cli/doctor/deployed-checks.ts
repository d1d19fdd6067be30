import type { ArrivedPage } from '../../shared/assets/s3/list.ts'
import type { Deployment } from '../../shared/config/parse.ts'
import { readCurrent } from '../../shared/keys/key-ring.ts'
import { keysSecretId } from '../../shared/keys/secret-store.ts'
import { fail, pass } from '../finding.ts'
import { showTime } from '../input/time.ts'
import { type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import { openIncoming, openKeyRing, openRevocationStores, partsOf, readStack } from '../stage/deployed-stage.ts'
import type { Check, DoctorFinding } from './check.ts'
import { checkKeyLeftovers, checkKeyOwner, checkKeys } from './key-checks.ts'
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
