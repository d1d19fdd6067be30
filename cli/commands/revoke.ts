import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { RevokeOptions } from '../revoke/run-revoke.ts'
import { addStageOptions, credentialsHelp } from './stage-options.ts'

const examples = `
${credentialsHelp}
Exit status: 0 done, 1 nothing to take back or no answer, 2 wrong arguments or unreadable input.

Examples:
  edge-signer revoke /users/alice/ --stage prod
  edge-signer revoke /teams/red/ --sub alice --stage prod
  edge-signer revoke /users/alice/ --undo --stage prod
  edge-signer revoke /users/alice/`

/** `edge-signer revoke`: ends access to a prefix before its cookies expire. */
export const revokeCommand: CommandFactory = (context) =>
  addStageOptions(
    new Command('revoke')
      .description('End access to a prefix: existing cookies, signed URLs and sessions.')
      .argument('<prefix>', 'a granted prefix such as /users/alice/'),
  )
    .option('--sub <sub>', 'the one user whose sessions are refused (cookies of the prefix are refused for all)')
    .option('--undo', 'take a revocation back')
    .option('--url <url>', 'where the local stage runs (default: http://localhost:8080)')
    .addHelpText('after', examples)
    .action(async (prefix: string, options: RevokeOptions) => {
      const { runRevoke } = await import('../revoke/run-revoke.ts')
      context.exit(await runRevoke(prefix, options, context.terminal))
    })
