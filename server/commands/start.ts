import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Unknowns } from '../../local/cloudfront/edge-config.ts'
import { runDemo } from '../../local/demo/run.ts'
import { LocalError } from '../../local/local-error.ts'
import { localDirectory } from '../../local/paths.ts'
import { listenForRequests } from '../../local/process/shutdown.ts'
import { fillDemoContent, setUpDemoImage } from '../../local/setup/demo-image.ts'
import { localSite } from '../../local/site.ts'
import { filesPagePath } from '../../shared/read/check-read.ts'
import { type StageOptions, startStage } from '../start.ts'

/** Options that `start` and `demo` share. */
interface StageFlags {
  readonly port?: number
  readonly content?: string
  readonly enforcement?: 'key-group' | 'gate'
  readonly bootstrap?: 'error-page' | 'none'
  readonly tls?: boolean
  readonly tusd?: boolean
  readonly uploads?: string
}

interface StartFlags extends StageFlags, Partial<Unknowns> {
  readonly cookieDomain?: string
  readonly app?: string
  readonly propagationDelay?: number
}

/** Adds `start`. Its last options choose between CloudFront's undocumented behaviours, so that an app can be tested with each. */
export function addStart(program: Command, print: (line: string) => void): void {
  withStageOptions(program.command('start', { isDefault: true }), { port: '8080', content: '.local/content' })
    .description('start the system and keep it running until Ctrl-C')
    .option('--cookie-domain <name>', 'Domain of the cookies, e.g. example.test with --tls (default: the stage local)')
    .option('--app <url>', 'your app behind all other paths, e.g. http://127.0.0.1:5173 (default: 404)')
    .option(
      '--propagation-delay <seconds>',
      'until changes of keys and revocations take effect (default: 0)',
      readSeconds,
    )
    .addOption(
      choice('--preflight <answer>', 'unknown: a preflight without cookies on a signed path', 'reject', 'pass'),
    )
    .addOption(choice('--function-uri <form>', 'unknown: the uri that CloudFront Functions see', 'raw', 'normalised'))
    .addOption(choice('--signed-parameters <what>', 'unknown: signed-URL parameters in a function', 'show', 'hide'))
    .addOption(choice('--generated-headers <what>', 'unknown: headers policy on generated responses', 'none', 'policy'))
    .addOption(choice('--error-page-headers <whose>', 'unknown: headers policy of a custom error page', 'path', 'page'))
    .addOption(
      choice('--duplicates <rule>', 'unknown: two cookies or parameters of one name', 'refuse', 'first', 'last'),
    )
    .action((flags: StartFlags) => start({ ...startOptions(flags), log: print }, print))
}

/** Adds `demo`. The demo has its own client, so options that matter only to a browser are left out. */
export function addDemo(program: Command, print: (line: string) => void): void {
  withStageOptions(program.command('demo'), { port: 'a free one', content: 'a temporary folder' })
    .description('start, tell the whole story step by step, stop; exit status 1 if a step fails')
    .addHelpText('after', '\nThe files of the story are added to the content if they are missing.')
    .action((flags: StageFlags) => runDemo(startStage, stageOptions(flags), print))
}

async function start(options: StageOptions, print: (line: string) => void): Promise<void> {
  const requests = listenForRequests('stop')
  const content = options.content ?? join(localDirectory, 'content')
  if (options.content === undefined) {
    fillDemoContent(join(content, localSite(options).deployment.config.keyPrefix), await setUpDemoImage(print))
  }
  const stage = await startStage({ ...options, content, buildTusd: true })
  if (localSite(options).deployment.config.pages.files) print(`page     ${stage.url}${filesPagePath}`)
  print(`api      ${stage.url}/api/docs`)
  for (const line of stage.description) print(line)
  print(`ready ${stage.url}`)
  const failure = await Promise.race([requests.stop, stage.failed])
  await stage.stop()
  if (failure !== undefined) throw new Error(failure)
}

/** Adds the shared options, with the command's own defaults in the help. */
function withStageOptions(command: Command, defaults: { readonly port: string; readonly content: string }): Command {
  return command
    .option(
      '--port <number>',
      `TCP port on 127.0.0.1 and ::1; 0 chooses a free one (default: ${defaults.port})`,
      readPort,
    )
    .option('--content <dir>', `root of the bucket, read live; must exist (default: ${defaults.content})`)
    .addOption(choice('--enforcement <mode>', 'who verifies cookies (default: the stage local)', 'key-group', 'gate'))
    .addOption(
      choice('--bootstrap <mode>', 'the response without cookies (default: the stage local)', 'error-page', 'none'),
    )
    .option('--tls', 'HTTPS with a self-signed certificate; Safari needs it')
    .option('--tusd', 'require tusd for uploads (default: if it is on PATH or was built)')
    .option('--no-tusd', 'use the embedded upload server')
    .option('--uploads <dir>', 'folder of uploads in progress, on the file system of the content (default: beside it)')
}

function startOptions(flags: StartFlags): StageOptions {
  const { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates, ...rest } = flags
  const unknowns = { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates }
  return {
    ...rest,
    ...stageOptions(rest),
    unknowns: Object.fromEntries(Object.entries(unknowns).filter(([, value]) => value !== undefined)),
  }
}

/**
 * Returns the options of a stage for the flags of a command. A folder that `--content` names must exist: it is never created, because
 * a mistyped name would be an empty bucket.
 *
 * @throws LocalError if it does not exist or is not a folder.
 */
export function stageOptions(flags: StageFlags): StageOptions {
  if (flags.content === undefined) return flags
  const content = resolve(flags.content)
  const stat = statSync(content, { throwIfNoEntry: false })
  if (stat === undefined) throw new LocalError(`--content: ${content} is not there. Make it first.`)
  if (!stat.isDirectory()) throw new LocalError(`--content: ${content} is not a folder.`)
  return { ...flags, content }
}

function choice(flags: string, text: string, ...values: string[]): Option {
  return new Option(flags, text).choices(values)
}

/** @throws InvalidArgumentError, which commander prints with the option's name. */
export function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('must be 0 to 65535')
  return Number(text)
}

function readSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('must be seconds')
  return Number(text)
}
