import type { Deployment } from '../../shared/config/parse.ts'
import { readCurrent } from '../../shared/keys/key-ring.ts'
import { keysSecretId } from '../../shared/keys/secret-store.ts'
import { stampKeyName } from '../../shared/revocation/key-value.ts'
import { isRevocationKey, readRevocations } from '../../shared/revocation/revoke.ts'
import { revocationEntries } from '../../shared/revocation/sync-key-values.ts'
import { showTime } from '../input/time.ts'
import { readDeployedKeyStatus } from '../keys/run-status.ts'
import { throughAws } from '../stage/aws-failure.ts'
import type { ClientSettings } from '../stage/client-settings.ts'
import { findStageParts, openKeyRing, openRevocations } from '../stage/deployed-stage.ts'
import { readStack } from '../stage/stack.ts'
import { type Check, fail, pass } from './check.ts'

/** What the AWS side of a deployed stage needs. Reads only; needs what `docs/operations.md` lists for an operator. */
export function deployedChecks(deployment: Deployment, settings: ClientSettings, now: number): readonly Check[] {
  return [
    {
      name: 'stack',
      async look() {
        const { status } = await readStack(deployment, settings)
        return /^(CREATE|UPDATE)_COMPLETE$/.test(status)
          ? pass(status)
          : fail(status, 'see the events of the stack, then deploy again')
      },
    },
    {
      name: 'keys',
      async look() {
        const { keys, faults, rotation } = await readDeployedKeyStatus(deployment, settings, now)
        if (faults.length > 0) return fail(faults.join('; '), 'docs/keys.md')
        const shown = keys.map(({ keyPairId, algorithm, role }) => `${keyPairId} ${algorithm} ${role}`)
        return pass([...shown, ...(rotation === undefined ? [] : ['a rotation is under way'])].join(', '))
      },
    },
    {
      name: 'rotation',
      async look() {
        const secret = await describeSecret(keysSecretId(deployment.service, deployment.stage), settings)
        if (secret.RotationEnabled !== true) return fail('not scheduled: keys grow old', 'deploy again')
        const next = secret.NextRotationDate
        return pass(next === undefined ? 'scheduled' : `next ${showTime(Math.floor(next.getTime() / 1000))}`)
      },
    },
    {
      name: 'stamp key',
      look: () =>
        throughAws(async () => {
          const { document } = await readCurrent(await openKeyRing(deployment, settings, now))
          const { keyValues } = await openRevocations(await findStageParts(deployment, settings), settings)
          const { entries } = await keyValues.list()
          if (entries.get(stampKeyName) === document.stampKey) {
            return pass('the guard knows the one that the session function stamps with')
          }
          return fail('the guard does not know it: a revoked prefix would stay closed', 'deploy again')
        }),
    },
    {
      name: 'revocations',
      look: () =>
        throughAws(async () => {
          const { state, keyValues } = await openRevocations(await findStageParts(deployment, settings), settings)
          const wanted = revocationEntries(await readRevocations(state, now), now)
          const { entries } = await keyValues.list()
          const missing = [...wanted].filter(([key, value]) => entries.get(key) !== value)
          if (missing.length > 0) {
            return fail(
              `${missing.length} of ${wanted.size} are not in the KeyValueStore`,
              'deploy again, or revoke again',
            )
          }
          const left = [...entries.keys()].filter((key) => isRevocationKey(key) && !wanted.has(key)).length
          return pass(`${wanted.size} in force${left === 0 ? '' : `, ${left} expired that the daily rule drops`}`)
        }),
    },
  ]
}

async function describeSecret(SecretId: string, settings: ClientSettings) {
  const { DescribeSecretCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  return throughAws(() => new SecretsManagerClient(settings).send(new DescribeSecretCommand({ SecretId })))
}
