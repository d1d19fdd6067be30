import { Command } from 'commander'
import type { RevokeOptions, StageOptions } from '../revoke/run.ts'
import type { CommandFactory } from '../terminal.ts'
import { addStageOptions, credentialsHelp } from './options.ts'

const revokeHelp = `
${credentialsHelp}
Exit status: 0 done, 1 nothing to undo or no response, 2 wrong arguments or unreadable input.

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
    .option('--sub <sub>', 'the only user whose sessions are refused (cookies of the prefix are refused for all)')
    .option('--undo', 'undo a revocation')
    .option('--url <url>', 'address of the local stage (default: http://localhost:8080)')
    .addHelpText('after', revokeHelp)
    .action(async (prefix: string, options: RevokeOptions) => {
      const { runRevoke } = await import('../revoke/run.ts')
      context.exit(await runRevoke(prefix, options, context.terminal))
    })

const revocationsHelp = `
${credentialsHelp}
Exit status: 0 listed, 1 no response, 2 wrong arguments or unreadable input.

Examples:
  edge-signer revocations --stage prod
  edge-signer revocations --json`

/** `edge-signer revocations`: lists the revocations in force. */
export const revocationsCommand: CommandFactory = (context) =>
  addStageOptions(new Command('revocations').description('List the revocations in force.'))
    .option('--url <url>', 'address of the local stage (default: http://localhost:8080)')
    .addHelpText('after', revocationsHelp)
    .action(async (options: StageOptions) => {
      const { runRevocations } = await import('../revoke/run.ts')
      context.exit(await runRevocations(options, context.terminal))
    })
