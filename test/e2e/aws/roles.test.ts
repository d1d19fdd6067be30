import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ClientSettings, createAwsClients, openAwsStores } from '../../../functions/provision/aws-stores.ts'
import type { ProvisionStores } from '../../../functions/provision/stores.ts'
import { createRotateKeyHandler } from '../../../functions/rotate-key/create-handler.ts'
import { provisionStatements, rotateKeyStatements } from '../../../infra/key-functions.ts'
import { keyTimes, retirementAge } from '../../../shared/keys/key-times.ts'
import { type AwsEmulator, startAwsEmulator } from '../../support/aws-emulator.ts'
import { assumeRole } from '../../support/aws-role.ts'
import { openStage, type Stage } from '../../support/aws-stage.ts'

let aws: AwsEmulator
beforeAll(async () => {
  aws = await startAwsEmulator({ enforceRoles: true })
})
afterAll(() => aws.stop())

/**
 * The stores with a role's credentials. The KeyValueStore is left out: the emulator, enforcing, does not take the SDK's signature
 * 4A over a path that holds an ARN. What the role says of it is in the template's own tests.
 */
function storesOf(stage: Stage, role: ClientSettings, signal?: AbortSignal): ProvisionStores {
  return { ...openAwsStores(stage.secretId, createAwsClients(role), signal), keyValues: stage.stores.keyValues }
}

/** Values of the template's references in this emulator, which names a KeyValueStore's resource by its name. */
const referencesOf = (stage: Stage) => ({
  Bucket: stage.parts.bucket,
  'KeyValueStore.Id': `${stage.name}-000000000000`,
})

it('the roles of the template are enough for the whole life of a stage', async () => {
  const stage = await openStage(aws)
  const provisionRole = await assumeRole(
    aws,
    `${stage.name}-provision`,
    provisionStatements(stage.deployment),
    referencesOf(stage),
  )
  const rotateRole = await assumeRole(
    aws,
    `${stage.name}-rotate`,
    rotateKeyStatements(stage.deployment),
    referencesOf(stage),
  )
  const world = { openStores: (signal?: AbortSignal) => storesOf(stage, provisionRole, signal) }
  expect(await stage.cloudFormation('Create', { world })).toMatchObject({ Status: 'SUCCESS' })
  expect(await stage.cloudFormation('Update', { world, properties: { Algorithm: 'RS256' } })).toMatchObject({
    Status: 'SUCCESS',
  })
  expect(await stage.cloudFormation('Update', { world })).toMatchObject({ Status: 'SUCCESS' })

  const stores = storesOf(stage, rotateRole)
  const rotateKey = createRotateKeyHandler({
    ring: { ...stage.ring(), secret: stores.secret, trusted: stores.trusted },
    revocations: {
      keyValues: stores.keyValues(stage.parts.arn),
      state: stores.bucket({ name: stage.parts.bucket, region: 'us-east-1' }).state,
      clock: stage.revocations.clock,
    },
  })
  const { arn = '' } = (await stage.stores.secret.describe()) ?? {}
  const ClientRequestToken = randomUUID()
  for (const Step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
    await rotateKey({ Step, SecretId: arn, ClientRequestToken })
  }
  expect(await stage.keyIds()).toHaveLength(2)
  stage.clock.ahead += retirementAge(keyTimes) + 7200
  await rotateKey({ source: 'aws.events' })
  expect(await stage.keyIds()).toHaveLength(1)

  const removed = await stage.cloudFormation('Delete', { world })
  // A reason would name what the role could not remove.
  expect([removed.Status, removed.Reason]).toEqual(['SUCCESS', undefined])
  expect(await stage.cloudFormation('Create', { world, stack: 'next' })).toMatchObject({ Status: 'SUCCESS' })
})

it('and reach no other stage', async () => {
  const stage = await openStage(aws)
  const other = await openStage(aws)
  expect(await other.cloudFormation('Create')).toMatchObject({ Status: 'SUCCESS' })
  const role = await assumeRole(
    aws,
    `${stage.name}-provision`,
    provisionStatements(stage.deployment),
    referencesOf(stage),
  )
  const { secret, bucket } = storesOf(other, role)
  const { state, pages } = bucket({ name: other.parts.bucket, region: 'us-east-1' })
  const page = { key: '_edge/pages/403.html', contentType: 'text/html', text: '' }
  const attempts = [() => secret.describe(), () => state.load(), () => pages.write(page)]
  for (const attempt of attempts) {
    await expect(attempt()).rejects.toThrow(expect.objectContaining({ name: expect.stringMatching(/^AccessDenied/) }))
  }
})
