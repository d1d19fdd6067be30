import { type KeyRing, repeatWhenOvertaken } from '../key-ring.ts'
import { createSecret } from './create-secret.ts'
import { finishSecret } from './finish-secret.ts'
import { setSecret } from './set-secret.ts'
import { testSecret } from './test-secret.ts'

/**
 * The four steps in which Secrets Manager rotates a secret, in order. Each may be run again, also after a later one.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 */
export const rotationSteps = { createSecret, setSecret, testSecret, finishSecret } as const

/** The name of a step, as it comes in the event. */
export type RotationStep = keyof typeof rotationSteps

/** Returns true if a text is the name of a step. */
export function isRotationStep(step: unknown): step is RotationStep {
  return typeof step === 'string' && Object.hasOwn(rotationSteps, step)
}

/**
 * Runs one step of the rotation that makes the secret's version `versionId`.
 *
 * @throws ServiceError `ERR_KEYS_…` with what to do; Secrets Manager then runs the rotation again.
 */
export function rotateStep(step: RotationStep, versionId: string, ring: KeyRing): Promise<void> {
  return repeatWhenOvertaken(ring, () => rotationSteps[step](versionId, ring))
}
