import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { Unknowns } from '../edge/edge-config.ts'
import type { EmulationOptions } from '../options.ts'
import { localDirectory } from '../paths.ts'
import { fillDemoContent, setUpDemoImage } from '../setup/demo-image.ts'
import { localDeployment } from '../stage.ts'
import { startEmulation } from '../supervisor.ts'
import { choice, type StageFlags, stageOptions, withStageOptions } from './stage-options.ts'

interface StartFlags extends StageFlags, Partial<Unknowns> {
  readonly cookieDomain?: string
  readonly app?: string
  readonly propagationDelay?: number
}

/** Adds `start`; the last options are CloudFront's undocumented answers, so that both can be tried. */
export function addStart(program: Command, print: (line: string) => void): void {
  withStageOptions(program.command('start', { isDefault: true }), { port: '8080', content: '.local/content' })
    .description('start the system and keep it running until Ctrl-C')
    .option('--cookie-domain <name>', 'Domain of the cookies, e.g. example.test with --tls (default: the stage local)')
    .option('--app <url>', 'your app behind every path that is not ours, e.g. http://127.0.0.1:5173 (default: 404)')
    .option(
      '--propagation-delay <seconds>',
      'until changes of keys and revocations take effect (default: 0)',
      readSeconds,
    )
    .addOption(
      choice('--preflight <answer>', 'unknown: a preflight without cookies on a signed path', 'reject', 'pass'),
    )
    .addOption(choice('--function-uri <form>', 'unknown: the uri that CloudFront Functions see', 'raw', 'normalised'))
    .addOption(choice('--signed-parameters <what>', 'unknown: signed-URL parameters in a function', 'hide', 'show'))
    .addOption(choice('--generated-headers <what>', 'unknown: headers policy on generated responses', 'none', 'policy'))
    .addOption(choice('--error-page-headers <whose>', 'unknown: headers policy of a custom error page', 'path', 'page'))
    .addOption(
      choice('--duplicates <rule>', 'unknown: two cookies or parameters of one name', 'refuse', 'first', 'last'),
    )
    .action((flags: StartFlags) => start({ ...toOptions(flags), log: print }, print))
}

function toOptions(flags: StartFlags): EmulationOptions {
  const { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates, ...rest } = flags
  const unknowns = { preflight, functionUri, signedParameters, generatedHeaders, errorPageHeaders, duplicates }
  return {
    ...rest,
    ...stageOptions(rest),
    unknowns: Object.fromEntries(Object.entries(unknowns).filter(([, value]) => value !== undefined)),
  }
}

async function start(options: EmulationOptions, print: (line: string) => void): Promise<void> {
  const content = options.content ?? join(localDirectory, 'content')
  if (options.content === undefined) {
    fillDemoContent(join(content, localDeployment(options).config.keyPrefix), await setUpDemoImage(print))
  }
  const stopRequest = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(undefined))
  })
  const emulation = await startEmulation({ ...options, content, buildTusd: true })
  for (const line of emulation.description) print(line)
  print(`ready ${emulation.url}`)
  const failure = await Promise.race([stopRequest, emulation.failed])
  await emulation.stop()
  if (failure !== undefined) throw new Error(failure)
}

function readSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('must be seconds')
  return Number(text)
}
