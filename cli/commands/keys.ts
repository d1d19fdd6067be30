import { Command } from 'commander'
import type { CommandFactory } from '../command-context.ts'
import type { KeysOptions } from '../keys/run-status.ts'
import { addStageOptions, credentialsHelp } from './stage-options.ts'

const examples = `
${credentialsHelp} No private key is printed.
Exit status: 0 all is well (rotate: begun), 1 something is not, 2 wrong arguments or unreadable input.

Examples:
  edge-signer keys status --stage prod
  edge-signer keys rotate --stage prod
  edge-signer keys status --json`

/** `edge-signer keys`: what a stage signs with, and a new key. */
export const keysCommand: CommandFactory = (context) => {
  const status = addStageOptions(
    new Command('status').description('Show what each key is there for, and what is wrong.'),
  )
    .addHelpText('after', examples)
    .action(async (options: KeysOptions) => {
      const { runKeysStatus } = await import('../keys/run-status.ts')
      context.exit(await runKeysStatus(options, context.terminal))
    })
  const rotate = addStageOptions(new Command('rotate').description('Begin a rotation: a new key beside the old ones.'))
    .addHelpText('after', examples)
    .action(async (options: KeysOptions) => {
      const { runKeysRotate } = await import('../keys/run-rotate.ts')
      context.exit(await runKeysRotate(options, context.terminal))
    })
  return new Command('keys')
    .description('Show the signing keys of a stage, or begin a rotation.')
    .addCommand(status)
    .addCommand(rotate)
    .addHelpText('after', examples)
}
