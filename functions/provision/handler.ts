import { setTimeout as wait } from 'node:timers/promises'
import { openAwsStores } from './aws-stores.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { createProvisionHandler } from './create-handler.ts'

/** Put in by the build: names and pages, no secrets. */
declare const __CONFIG__: ProvisionFunctionConfig

const config = __CONFIG__

/** The custom resource of the stack: keys, key group, secret, stamp key, pages. */
export const handler = createProvisionHandler(config, {
  openStores: (abortSignal) => openAwsStores(config.secretId, { region: 'us-east-1' }, abortSignal),
  fetch: (input, init) => fetch(input, init),
  nowMs: Date.now,
  wait: (ms) => wait(ms),
  report: (line) => console.log(JSON.stringify({ provision: line })),
})
