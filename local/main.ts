import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { runDemo } from './demo.ts'
import type { Unknowns } from './edge/edge-config.ts'
import type { EmulationOptions } from './options.ts'
import { localDirectory } from './paths.ts'
import { readProduction } from './production.ts'
import { fillDemoContent, setUpDemoImage } from './setup/demo-image.ts'
import { setUpGoTool, tusd } from './setup/go-tools.ts'
import { setUpTools } from './setup/tools.ts'
import { localDeployment } from './stage.ts'
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

withStageOptions(program.command('start', { isDefault: true }))
  .description('start the system and keep it running until Ctrl-C')
  .action((flags: Flags) => start(toOptions(flags)))

withStageOptions(program.command('demo'))
  .description('start on a free port, tell the whole story step by step, stop; exit status 1 where a step fails')
  .action((flags: Flags) => runDemo({ ...toOptions(flags), ...(flags.port === undefined ? { port: 0 } : {}) }, print))

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

interface Flags extends Partial<Unknowns> {
  readonly port?: number
  readonly content?: string
  readonly enforcement?: 'key-group' | 'gate'
  readonly bootstrap?: 'error-page' | 'none'
  readonly cookieDomain?: string
  readonly tls?: boolean
  readonly app?: string
  readonly tusd?: boolean
  readonly uploads?: string
  readonly propagationDelay?: number
}

/** The options of a stage; the second group are CloudFront's undocumented answers, so that both can be tried. */
function withStageOptions(command: Command): Command {
  const choice = (flags: string, text: string, choices: string[]) =>
    command.addOption(new Option(flags, text).choices(choices))
  command
    .option('--port <number>', 'TCP port on 127.0.0.1 and ::1; 0 takes a free one (default: 8080)', readPort)
    .option('--content <dir>', 'root of the bucket, read live (default: .local/content)')
  choice('--enforcement <mode>', 'who verifies cookies (default: edge-signer.config.ts)', ['key-group', 'gate'])
  choice('--bootstrap <mode>', 'what a visitor without cookies gets (default: edge-signer.config.ts)', [
    'error-page',
    'none',
  ])
  command
    .option(
      '--cookie-domain <name>',
      'Domain of the cookies, e.g. example.test with --tls (default: edge-signer.config.ts)',
    )
    .option('--tls', 'HTTPS with a certificate made here; Safari needs it')
    .option('--app <url>', 'your app behind every path that is not ours, e.g. http://127.0.0.1:5173 (default: 404)')
    .option('--tusd', 'insist on tusd for uploads (default: where it is on PATH or was built)')
    .option('--no-tusd', 'take the embedded upload server')
    .option('--uploads <dir>', 'where uploads arrive, on the file system of the content (default: beside it)')
    .option(
      '--propagation-delay <seconds>',
      'until changes of keys and revocations take effect (default: 0)',
      readSeconds,
    )
  choice('--preflight <answer>', 'unknown: a preflight without cookies on a signed path', ['reject', 'pass'])
  choice('--function-uri <form>', 'unknown: the uri that CloudFront Functions see', ['raw', 'normalised'])
  choice('--signed-parameters <what>', 'unknown: signed-URL parameters in a function', ['hide', 'show'])
  choice('--generated-headers <what>', 'unknown: headers policy on generated responses', ['none', 'policy'])
  choice('--error-page-headers <whose>', 'unknown: headers policy of a custom error page', ['path', 'page'])
  choice('--duplicates <rule>', 'unknown: two cookies or parameters of one name', ['refuse', 'first', 'last'])
  return command
}

function toOptions(flags: Flags): EmulationOptions {
  const { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates, ...rest } = flags
  const unknowns = { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates }
  return {
    ...rest,
    unknowns: Object.fromEntries(Object.entries(unknowns).filter(([, value]) => value !== undefined)),
    log: print,
  }
}

async function start(options: EmulationOptions): Promise<void> {
  const content = options.content ?? join(localDirectory, 'content')
  if (options.content === undefined) {
    fillDemoContent(join(content, localDeployment(options).config.keyPrefix), await setUpDemoImage(print))
  }
  const stopRequest = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(undefined))
  })
  const starting = startEmulation({ ...options, content, buildTusd: true })
  const emulation = await starting
  for (const line of emulation.description) print(line)
  print(`ready ${emulation.url}`)
  const failure = await Promise.race([stopRequest, emulation.failed])
  await emulation.stop()
  if (failure !== undefined) throw new Error(failure)
}

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

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('must be 0 to 65535')
  return Number(text)
}

function readSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('must be seconds')
  return Number(text)
}

try {
  await program.parseAsync()
  process.exit(0)
} catch (error) {
  // What the user can mend is said in one message; anything else is a fault of ours and keeps its stack.
  console.error(error instanceof EdgeSignerError ? messageOf(error) : error)
  process.exit(1)
}
