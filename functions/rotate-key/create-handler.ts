import { ConfigError } from '../../shared/errors.ts'
import type { KeyRing } from '../../shared/keys/key-ring.ts'
import { maintainKeys } from '../../shared/keys/maintain-keys.ts'
import { isRotationStep, rotateStep } from '../../shared/keys/rotation/rotate-step.ts'
import { failureReason } from '../../shared/operations/failure-reason.ts'
import { syncRevocations } from '../../shared/revocation/revoke.ts'
import type { RevocationStores } from '../../shared/revocation/stores.ts'

/** Dependencies of the function. */
export interface RotateKeyDependencies {
  readonly ring: Omit<KeyRing, 'now'>
  readonly revocations: RevocationStores
}

/**
 * The handler of two events: a step of Secrets Manager's rotation, and the daily rule, which retires keys and drops revocations
 * that outlived every cookie. A failure is reported with what to do.
 *
 * @throws ServiceError `ERR_KEYS_…`, or what AWS refused: the step failed, and Secrets Manager runs the rotation again.
 */
export function createRotateKeyHandler(dependencies: RotateKeyDependencies) {
  return async (event: unknown): Promise<void> => {
    try {
      await handle(fieldsOf(event), dependencies)
    } catch (error) {
      dependencies.ring.report(failureReason(error))
      throw error
    }
  }
}

async function handle(
  { Step, ClientRequestToken, SecretId, source }: Readonly<Record<string, unknown>>,
  { ring, revocations }: RotateKeyDependencies,
): Promise<void> {
  const now = Math.floor(ring.clock.nowMs() / 1000)
  if (isRotationStep(Step) && typeof ClientRequestToken === 'string') {
    // Secrets Manager says the ARN; the function knows one secret and must not be led to another.
    if (typeof SecretId !== 'string' || !SecretId.includes(`:secret:${ring.secret.id}-`)) {
      throw new ConfigError(`rotate-key: rotates ${ring.secret.id} and no other secret`)
    }
    ring.report(`${Step} of ${ClientRequestToken}`)
    return rotateStep(Step, ClientRequestToken, { ...ring, now })
  }
  if (source !== 'aws.events')
    throw new ConfigError('rotate-key: the event is neither a rotation step nor the daily rule')
  await maintainKeys({ ...ring, now })
  await syncRevocations(revocations, { now, report: ring.report })
}

function fieldsOf(event: unknown): Readonly<Record<string, unknown>> {
  return typeof event === 'object' && event !== null ? (event as Record<string, unknown>) : {}
}
