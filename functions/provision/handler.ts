import { setTimeout as wait } from 'node:timers/promises'
import { createAwsClients, openAwsStores } from './aws-stores.ts'
import type { ProvisionFunctionConfig } from './config.ts'
import { createProvisionHandler } from './create-handler.ts'

/** Put in by the build: names and pages, no secrets. */
declare const __CONFIG__: ProvisionFunctionConfig

const config = __CONFIG__
const clients = createAwsClients({ region: 'us-east-1' })

/** The custom resource of the stack: keys, key group, secret, stamp key, pages. */
export const handler = createProvisionHandler(config, {
  openStores: (abortSignal) => openAwsStores(config.secretId, clients, abortSignal),
  fetch: (input, init) => fetch(input, init),
  clock: { nowMs: Date.now, random: Math.random, wait: (ms) => wait(ms) },
  startTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
  report: (line) => console.log(JSON.stringify({ provision: line })),
})
