import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { StageOptions } from '../revoke/open-desk.ts'
import { addStageOptions, credentialsHelp } from './stage-options.ts'

const examples = `
${credentialsHelp}
Exit status: 0 listed, 1 no answer, 2 wrong arguments or unreadable input.

Examples:
  edge-signer revocations --stage prod
  edge-signer revocations --json`

/** `edge-signer revocations`: what is revoked. */
export const revocationsCommand: CommandFactory = (context) =>
  addStageOptions(new Command('revocations').description('List what is revoked.'))
    .option('--url <url>', 'where the local stage runs (default: http://localhost:8080)')
    .addHelpText('after', examples)
    .action(async (options: StageOptions) => {
      const { runRevocations } = await import('../revoke/run-revocations.ts')
      context.exit(await runRevocations(options, context.terminal))
    })
