import { roleCredentials } from '../../shared/keys/role-credentials.ts'
import { createAwsStores } from './aws-stores.ts'
import type { SessionFunctionConfig } from './config.ts'
import { createEdgeHandler } from './edge-handler.ts'

/** Put in by the build: the stage's configuration, without secrets. */
declare const __CONFIG__: SessionFunctionConfig

const config = __CONFIG__

/**
 * The Lambda@Edge function of the viewer-request event: mints CloudFront cookies for app sessions at `/_edge/session`.
 * Lambda@Edge allows no environment variables of ours; the credentials of the role are there all the same.
 */
export const handler = createEdgeHandler(config, {
  openStores: (accountId) =>
    createAwsStores(config, accountId, {
      fetch: (input, init) => fetch(input, init),
      credentials: () => roleCredentials(process.env),
      nowMs: Date.now,
    }),
  nowMs: Date.now,
  random: Math.random,
})
