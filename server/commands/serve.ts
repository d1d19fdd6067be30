import type { Command } from 'commander'
import { listenForRequests } from '../../local/process/shutdown.ts'
import { checkServerOptions } from '../site.ts'
import { startServer } from '../start.ts'
import { readPort } from './start.ts'

interface ServeFlags {
  readonly host: string
  readonly certificate: string
  readonly key: string
  readonly stage: string
  readonly port?: number
  readonly publicPort?: number
  readonly content: string
  readonly state: string
  readonly uploads?: string
  readonly app?: string
  readonly logs: string
  readonly work?: string
  readonly tusd?: boolean
}

/** Adds `serve`, the single server. */
export function addServe(program: Command, print: (line: string) => void): void {
  program
    .command('serve')
    .description('serve the public from this one machine: TLS, secrets that stay, no local sign-in')
    .requiredOption('--host <name>', 'the only name that is served, e.g. cdn.example.com')
    .requiredOption('--certificate <file>', 'PEM: the certificate and its chain')
    .requiredOption('--key <file>', "PEM: the certificate's private key")
    .option('--stage <stage>', 'a stage of edge-signer.config.ts', 'prod')
    .option('--port <number>', 'TCP port on every address (default: 443)', readPort)
    .option('--public-port <number>', 'the port that clients use, if something maps it (default: --port)', readPort)
    .option('--content <dir>', 'root of the files', '/var/lib/edge-signer/content')
    .option('--state <dir>', 'keys and secrets; created once, keep a copy', '/var/lib/edge-signer/state')
    .option('--uploads <dir>', 'folder of uploads in progress, on the file system of the content (default: beside it)')
    .option('--app <url>', 'your app behind all other paths, for a stage with appOrigin; e.g. http://127.0.0.1:5173')
    .option('--logs <dir>', 'folder of access.log and error.log', '/var/log/edge-signer')
    .option('--work <dir>', 'generated files; with it the project may be read-only (default: .local in the project)')
    .option('--tusd', 'require tusd for uploads (default: if it is on PATH or was built)')
    .option('--no-tusd', 'use the embedded upload server')
    .action((flags: ServeFlags) => serve(flags, print))
}

/** Serves until a signal. SIGHUP reads the certificate again and reopens the logs, for renewals and log rotation. */
async function serve({ state, ...flags }: ServeFlags, print: (line: string) => void): Promise<void> {
  const requests = listenForRequests('reload')
  const options = checkServerOptions({ ...flags, stateDirectory: state, log: print })
  if (process.getuid?.() === 0) print('Running as root: give it a user of its own (docs/single-server.md).')
  const server = await startServer(options)
  requests.onReload(() => server.reload())
  for (const line of server.description) print(line)
  print(`ready ${server.url}`)
  const failure = await Promise.race([requests.stop, server.failed])
  await server.stop()
  if (failure !== undefined) throw new Error(failure)
}
