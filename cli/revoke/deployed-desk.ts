import type { Deployment } from '../../shared/config/parse.ts'
import { ServiceError } from '../../shared/errors.ts'
import { readRevocations, restore, revoke } from '../../shared/revocation/revoke.ts'
import { throughAws } from '../stage/aws-failure.ts'
import type { ClientSettings } from '../stage/client-settings.ts'
import { openRevocations, partsOf } from '../stage/deployed-stage.ts'
import { readStack } from '../stage/stack.ts'
import type { RevocationDesk } from './revocation-desk.ts'

/**
 * A deployed stage, through its state object and KeyValueStore, with the operator's own AWS credentials. The time is AWS's:
 * cookies are stamped by its clocks, and by a terminal's clock that is behind, the newest of them would not be refused; by one
 * that is ahead, revocations of others would be dropped as expired.
 *
 * @throws ConfigError where it is not deployed; ServiceError where AWS does not say what time it is.
 */
export async function openDeployedDesk(deployment: Deployment, settings: ClientSettings): Promise<RevocationDesk> {
  const stack = await readStack(deployment, settings)
  const now = stack.answeredAt
  if (now === undefined) throw new ServiceError('ERR_STORE_UNAVAILABLE', 'AWS: an answer without its time: try again')
  const enforcement = stack.outputs.get('Enforcement') ?? deployment.config.enforcement
  const stores = await openRevocations(partsOf(stack), settings)
  return {
    enforcement: async () => (enforcement === 'gate' ? 'gate' : 'key-group'),
    revoke: (order) => throughAws(() => revoke(order, stores, now)),
    restore: (order) => throughAws(() => restore(order, stores, now)),
    list: () => throughAws(async () => (await readRevocations(stores.state, now)).revocations),
  }
}
