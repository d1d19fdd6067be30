import { createRequire } from 'node:module'
import { createHttpApiHost } from './http-api-host.ts'

/** What the supervisor tells the host process of a regional function, as its only argument (JSON). */
export interface HttpApiProcess {
  readonly bundle: string
  readonly exportName: string
  readonly socket: string
  readonly apiId: string
  readonly routes: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** The regional function in a process of its own. Says `ready` to its parent when it serves; ends when the parent goes. */
const settings = JSON.parse(process.argv[2] ?? '{}') as HttpApiProcess
Object.assign(process.env, settings.environment)

const exported = createRequire(import.meta.url)(settings.bundle) as Record<string, unknown>
const handler = exported[settings.exportName]
if (typeof handler !== 'function') throw new Error(`${settings.bundle} exports no ${settings.exportName}`)

const server = createHttpApiHost({
  handler: handler as (event: unknown, context: unknown) => unknown,
  apiId: settings.apiId,
  routes: settings.routes,
  log: (line) => console.error(line),
})
server.listen(settings.socket, () => process.send?.('ready'))
process.on('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})
