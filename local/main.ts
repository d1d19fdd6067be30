import { Command } from 'commander'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { addDemo } from './commands/demo.ts'
import { readPort } from './commands/stage-options.ts'
import { addStart } from './commands/start.ts'
import { readProduction } from './production.ts'
import { setUpDemoImage } from './setup/demo-image.ts'
import { setUpGoTool, tusd } from './setup/go-tools.ts'
import { setUpTools } from './setup/tools.ts'
import { startEmulation } from './supervisor.ts'

/**
 * The commands behind `npm start`, `npm run demo` and the set-up.
 */
const print = (line: string) => console.log(line)

const program = new Command('edge-signer-local')
  .description('Runs the whole system on this machine: nginx for CloudFront and S3, the functions as packaged.')
  .addHelpText(
    'after',
    `
Examples:
  npm start                                   http://localhost:8080, files in .local/content
  npm start -- --content ~/disks --port 9000  your own files: ~/disks/users/alice/x is /users/alice/x
  npm start -- --bootstrap none               CloudFront's own XML in place of the sign-in page
  npm run demo                                the whole story on a free port, exit status 0 or 1

Everything is generated below .local/ in this project; stop with Ctrl-C, delete the folder at will.`,
  )

addStart(program, print)
addDemo(program, print)

program
  .command('serve')
  .description('serve the public from this one machine: TLS, secrets that stay, no local sign-in')
  .requiredOption('--host <name>', 'the name that clients use, e.g. cdn.example.com; no other is answered')
  .requiredOption('--certificate <file>', 'PEM: the certificate and its chain')
  .requiredOption('--key <file>', "PEM: the certificate's private key")
  .option('--stage <stage>', 'a stage of edge-signer.config.ts', 'prod')
  .option('--port <number>', 'TCP port on every address (default: 443)', readPort)
  .option('--public-port <number>', 'the port that clients use, where something maps it (default: --port)', readPort)
  .option('--content <dir>', 'root of the files', '/var/lib/edge-signer/content')
  .option('--state <dir>', 'keys and secrets; made once, keep a copy', '/var/lib/edge-signer/state')
  .option('--uploads <dir>', 'where uploads arrive, on the file system of the content (default: beside it)')
  .option(
    '--app <url>',
    'your app behind every path that is not ours, for a stage with appOrigin; e.g. http://127.0.0.1:5173',
  )
  .option('--logs <dir>', 'folder of access.log and error.log', '/var/log/edge-signer')
  .option('--tusd', 'insist on tusd for uploads (default: where it is on PATH or was built)')
  .option('--no-tusd', 'take the embedded upload server')
  .action((flags: ServeFlags) => serve(flags))

program
  .command('setup')
  .description('only set up what is missing: nginx, its njs module, the njs command, the demo image')
  .option('--tusd', 'build tusd, too; needs Go 1.25 or newer')
  .action(async (flags: { tusd?: boolean }) => {
    if (flags.tusd === true) print(`tusd  ${await setUpGoTool(tusd, { log: print })}`)
    const tools = await setUpTools({ log: print })
    const image = await setUpDemoImage(print)
    print(`${tools.nginxVersion}  ${tools.nginx}\nnjs module  ${tools.njsModule}\nnjs  ${tools.njs}\nimage  ${image}`)
  })

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
  readonly tusd?: boolean
}

/** SIGHUP reads the certificate and opens the logs anew, for renewals and log rotation. */
async function serve(flags: ServeFlags): Promise<void> {
  const { host, publicPort, certificate, key, stage, logs, state, ...rest } = flags
  const mapped = publicPort === undefined ? {} : { publicPort }
  const production = readProduction({ host, certificate, key, stage, logs, ...mapped })
  if (process.getuid?.() === 0) print('Running as root: give it a user of its own (docs/single-server.md).')
  const stopRequest = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
  })
  let reload = () => {}
  process.on('SIGHUP', () => reload())
  const emulation = await startEmulation({ ...rest, stateDirectory: state, production, log: print })
  reload = () => emulation.reload()
  for (const line of emulation.description) print(line)
  print(`ready ${emulation.url}`)
  const failure = await Promise.race([stopRequest, emulation.failed])
  await emulation.stop()
  if (failure !== undefined) throw new Error(failure)
}

try {
  await program.parseAsync()
  process.exit(0)
} catch (error) {
  // What the user can mend is said in one message; anything else is a fault of ours and keeps its stack.
  console.error(error instanceof EdgeSignerError ? messageOf(error) : error)
  process.exit(1)
}
