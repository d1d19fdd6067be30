import type { Deployment } from '../../shared/config/parse.ts'
import { readRevocations, restore, revoke } from '../../shared/revocation/revoke.ts'
import { throughAws } from '../stage/aws-failure.ts'
import type { ClientSettings } from '../stage/client-settings.ts'
import { findStageParts, openRevocations } from '../stage/deployed-stage.ts'
import type { RevocationDesk } from './revocation-desk.ts'

/** A deployed stage, through its state object and KeyValueStore, with the operator's own AWS credentials. */
export async function openDeployedDesk(
  deployment: Deployment,
  settings: ClientSettings,
  now: number,
): Promise<RevocationDesk> {
  const stores = await openRevocations(await findStageParts(deployment, settings), settings)
  return {
    revoke: (order) => throughAws(() => revoke(order, stores, now)),
    restore: (order) => throughAws(() => restore(order, stores, now)),
    list: () => throughAws(async () => (await readRevocations(stores.state, now)).revocations),
  }
}
