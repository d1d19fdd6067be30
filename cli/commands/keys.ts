import { Command } from 'commander'
import type { KeysOptions } from '../keys/status.ts'
import type { CommandFactory } from '../terminal.ts'
import { addStageOptions, credentialsHelp } from './options.ts'

const examples = `
${credentialsHelp} No private key is printed.
Exit status: 0 no fault (rotate: started), 1 a fault, 2 wrong arguments or unreadable input.

Examples:
  edge-signer keys status --stage prod
  edge-signer keys rotate --stage prod
  edge-signer keys status --json`

/** `edge-signer keys`: shows the signing keys of a stage, or starts a rotation. */
export const keysCommand: CommandFactory = (context) => {
  const status = addStageOptions(new Command('status').description('Show the role of each key, and the faults.'))
    .addHelpText('after', examples)
    .action(async (options: KeysOptions) => {
      const { runKeysStatus } = await import('../keys/status.ts')
      context.exit(await runKeysStatus(options, context.terminal))
    })
  const rotate = addStageOptions(
    new Command('rotate').description('Start a rotation, which adds a key beside the old ones.'),
  )
    .addHelpText('after', examples)
    .action(async (options: KeysOptions) => {
      const { runKeysRotate } = await import('../keys/rotate.ts')
      context.exit(await runKeysRotate(options, context.terminal))
    })
  return new Command('keys')
    .description('Show the signing keys of a stage, or start a rotation.')
    .addCommand(status)
    .addCommand(rotate)
    .addHelpText('after', examples)
}
