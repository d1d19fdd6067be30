import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { DoctorOptions } from '../doctor/run.ts'
import { addStageOptions, credentialsHelp } from './stage-options.ts'

const examples = `
${credentialsHelp} Nothing is changed, and no secret is printed.
Exit status: 0 all is well, 1 something is not, 2 wrong arguments or unreadable input.

Examples:
  edge-signer doctor --stage prod
  edge-signer doctor
  edge-signer doctor --url http://localhost:8080
  edge-signer doctor --stage prod --json`

/** `edge-signer doctor`: what is wrong with a stage, and what to do. */
export const doctorCommand: CommandFactory = (context) =>
  addStageOptions(
    new Command('doctor').description('Check what a stage needs: tools, ports, configuration, keys, template, clock.'),
  )
    .option('--url <url>', 'where it is asked (default: cdnHost, else the distribution; the local stage: not asked)')
    .option('--port <number>', 'the port of the local stage (default: 8080)')
    .addHelpText('after', examples)
    .action(async (options: DoctorOptions) => {
      const { runDoctor } = await import('../doctor/run.ts')
      context.exit(await runDoctor(options, context.terminal))
    })
