import { Command } from 'commander'
import type { DoctorOptions } from '../doctor/run.ts'
import type { CommandFactory } from '../terminal.ts'
import { addStageOptions, credentialsHelp } from './options.ts'

const examples = `
${credentialsHelp} doctor changes nothing, and prints no secret.
Exit status: 0 no fault, 1 a fault, 2 wrong arguments or unreadable input, 4 no valid AWS credentials.

Examples:
  edge-signer doctor --stage prod
  edge-signer doctor
  edge-signer doctor --url http://localhost:8080
  edge-signer doctor --stage prod --json`

/** `edge-signer doctor`: reports the faults of a stage and their remedies. */
export const doctorCommand: CommandFactory = (context) =>
  addStageOptions(
    new Command('doctor').description(
      'Check what a stage needs: tools, ports, configuration, sessions, keys, template, clock.',
    ),
  )
    .option('--url <url>', 'address of the stage (default: cdnHost, else the distribution; none for the local stage)')
    .option('--port <number>', 'the port of the local stage (default: 8080)')
    .addHelpText('after', examples)
    .action(async (options: DoctorOptions) => {
      const { runDoctor } = await import('../doctor/run.ts')
      context.exit(await runDoctor(options, context.terminal))
    })
