import { Command } from 'commander'
import type { RepairOptions } from '../repair.ts'
import type { CommandFactory } from '../terminal.ts'
import { addParamOption, credentialsHelp } from './options.ts'

const examples = `
Without --yes nothing is changed. Each repair is a change that a function of the stage makes by itself in time: no repair
trusts a withdrawn key, and none restores access to a prefix that a revocation names.
${credentialsHelp} No secret is printed.
Exit status: 0 no fault, 1 a fault (repaired only with --yes), 2 wrong arguments or unreadable input.

Examples:
  edge-signer repair --stage prod
  edge-signer repair --stage prod --yes
  edge-signer repair --stage prod --json`

/** `edge-signer repair`: makes keys, revocations and uploads of a deployed stage consistent. */
export const repairCommand: CommandFactory = (context) =>
  addParamOption(
    new Command('repair')
      .description(
        'Repair inconsistent keys, revocations and uploads of a deployed stage; only shows the repairs without --yes.',
      )
      .requiredOption('--stage <stage>', 'a deployed stage of edge-signer.config.ts'),
  )
    .option('--yes', 'make the changes')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(async (options: RepairOptions) => {
      const { runRepair } = await import('../repair.ts')
      context.exit(await runRepair(options, context.terminal))
    })
