import { Command } from 'commander'
import type { CommandContext, CommandFactory } from './command-context.ts'
import { explainCommand } from './commands/explain.ts'
import { sessionCommand } from './commands/session.ts'
import { signCookiesCommand } from './commands/sign-cookies.ts'
import { signUrlCommand } from './commands/sign-url.ts'
import { redactText } from './redact.ts'

const commands: readonly CommandFactory[] = [explainCommand, signUrlCommand, signCookiesCommand, sessionCommand]

/** The whole command line. Parsing throws CommanderError in place of ending the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('edge-signer')
    .description('Prefix-scoped CloudFront signed cookies: explain refusals, sign, make sessions.')
    .addHelpText(
      'after',
      `
Exit status: 0 done (explain: access would be granted), 1 not, 2 wrong arguments or unreadable input, 3 internal error.

Examples:
  edge-signer explain 'https://cdn.example.com/users/alice/disk.img' --jar cookies.txt --keys keys.json
  edge-signer sign-url https://cdn.example.com/users/alice/disk.img --keys keys.json --expires-in 15m
  edge-signer session alice --claim team=red
Details: edge-signer help explain`,
    )
  for (const create of commands) program.addCommand(create(context))
  // After the subcommands, which do not inherit when they are added ready-made.
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
      // The parser repeats what it does not understand, which may be a signed URL.
      outputError: (text, write) => write(redactText(text)),
    })
  }
  return program
}
