import { roleCredentials } from '../../shared/aws/edge/signature-v4.ts'
import { send } from '../../shared/http/https-send.ts'
import type { SessionFunctionConfig } from './config.ts'
import { createEdgeHandler } from './edge-handler.ts'
import { connectToAws } from './services.ts'

/** Put in by the build: the stage's configuration, without secrets. */
declare const __CONFIG__: SessionFunctionConfig

const config = __CONFIG__

/**
 * The Lambda@Edge function of the viewer-request event: mints CloudFront cookies for app sessions at `/_edge/session`.
 * Lambda@Edge allows no custom environment variables, but sets the credentials of the role.
 */
export const handler = createEdgeHandler(config, {
  connect: (accountId) =>
    connectToAws(config, accountId, {
      send,
      credentials: () => roleCredentials(process.env),
      nowMs: Date.now,
    }),
  nowMs: Date.now,
  random: Math.random,
  prefetch: true,
})
