import type { Deployment } from '../../shared/config/parse.ts'
import type { StageConfig } from '../../shared/config/stage-config.ts'
import { ServiceError } from '../../shared/errors.ts'
import { readRevocations, restore, revoke } from '../../shared/revocation/revoke.ts'
import type { Revocation, RevocationOrder } from '../../shared/revocation/state.ts'
import { type ClientSettings, throughAws } from '../stage/aws-clients.ts'
import { openRevocationStores, partsOf, readStack } from '../stage/deployed-stage.ts'

/** The revocations of a stage: a deployed one, or the one that runs on this machine. */
export interface StageRevocations {
  /** Returns the mode of the stage, which decides how soon a revocation takes effect. */
  enforcement(): Promise<StageConfig['enforcement']>
  revoke(order: RevocationOrder): Promise<Revocation>
  /** Returns false if there was no such revocation. */
  restore(order: RevocationOrder): Promise<boolean>
  list(): Promise<readonly Revocation[]>
}

/**
 * Opens the revocations of a deployed stage: its state object and KeyValueStore, with the operator's own AWS credentials. The time
 * is that of AWS, because cookies are stamped by its clocks. By a terminal's clock that is behind, the newest cookies would not be
 * refused; by one that is ahead, the revocations of others would be dropped as expired.
 *
 * @throws ConfigError if the stage is not deployed; ServiceError if the response of AWS has no time.
 */
export async function openDeployedRevocations(
  deployment: Deployment,
  settings: ClientSettings,
): Promise<StageRevocations> {
  const stack = await readStack(deployment, settings)
  const now = stack.answeredAt
  if (now === undefined) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'AWS: a response without a Date: try again')
  const enforcement = stack.outputs.get('Enforcement') ?? deployment.config.enforcement
  const stores = await openRevocationStores(partsOf(stack), settings)
  return {
    enforcement: async () => (enforcement === 'gate' ? 'gate' : 'key-group'),
    revoke: (order) => throughAws(() => revoke(order, stores, now)),
    restore: (order) => throughAws(() => restore(order, stores, now)),
    list: () => throughAws(async () => (await readRevocations(stores, now)).revocations),
  }
}
