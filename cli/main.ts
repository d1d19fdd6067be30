import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { EdgeSignerError, messageOf } from '../shared/errors.ts'
import { doctorCommand } from './commands/doctor.ts'
import { explainCommand } from './commands/explain.ts'
import { keysCommand } from './commands/keys.ts'
import { publishCommand, verifyCommand } from './commands/publish.ts'
import { repairCommand } from './commands/repair.ts'
import { revocationsCommand, revokeCommand } from './commands/revoke.ts'
import { serveCommand } from './commands/serve.ts'
import { sessionCommand } from './commands/session.ts'
import { signCookiesCommand, signUrlCommand } from './commands/sign.ts'
import { printErrorMessage, withEscapedOutput } from './print.ts'
import { redactText } from './redact.ts'
import { type CommandContext, type CommandFactory, processTerminal, type Terminal } from './terminal.ts'
import { CredentialsError, exitCodes, UsageError } from './usage-error.ts'

/**
 * Runs the command line and resolves with the exit status; never rejects.
 *
 * @param args arguments without `node` and the name of the script.
 */
export async function main(args: readonly string[], given: Terminal = processTerminal): Promise<number> {
  let status: number = exitCodes.granted
  const terminal = withEscapedOutput(given)
  const program = createProgram({
    terminal,
    exit: (code) => {
      status = code
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return status
  } catch (error) {
    // The parser has already printed its message. A request for help is not an error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.granted : exitCodes.usage
    if (error instanceof EdgeSignerError) {
      printErrorMessage(terminal, `edge-signer: ${messageOf(error)} (${error.code})`)
      if (error instanceof CredentialsError) return exitCodes.credentials
      return error instanceof UsageError ? exitCodes.usage : exitCodes.refused
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : 'unknown error'
    printErrorMessage(terminal, `edge-signer: ${redactText(text)}`)
    return exitCodes.internal
  }
}

const commands: readonly CommandFactory[] = [
  explainCommand,
  signUrlCommand,
  signCookiesCommand,
  sessionCommand,
  revokeCommand,
  revocationsCommand,
  keysCommand,
  doctorCommand,
  repairCommand,
  publishCommand,
  verifyCommand,
  serveCommand,
]

/** Creates the command line. Its parser throws CommanderError instead of ending the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('edge-signer')
    .version(readVersion(), '-V, --version', 'print the version')
    .description('Prefix-scoped CloudFront signed cookies: explain refusals, sign, revoke, manage keys.')
    .addHelpText(
      'after',
      `
Exit status: 0 done (explain: access would be granted), 1 not, 2 wrong arguments or unreadable input, 3 internal error,
4 no valid AWS credentials.

Examples:
  edge-signer explain 'https://cdn.example.com/users/alice/disk.img' --jar cookies.txt --keys keys.json
  edge-signer sign-url https://cdn.example.com/users/alice/disk.img --keys keys.json --expires-in 15m
  edge-signer session alice --claim team=red
  edge-signer revoke /users/alice/ --stage prod
  edge-signer doctor --stage prod
  edge-signer repair --stage prod
  edge-signer publish disk.img users/alice/disk --stage prod
Details: edge-signer help explain`,
    )
  for (const create of commands) program.addCommand(create(context))
  // Commander copies these settings only to subcommands that it creates itself, so each is configured here.
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.terminal.out(text),
      writeErr: (text) => context.terminal.err(text),
      // The parser repeats unknown arguments, which may be signed URLs.
      outputError: (text) => printErrorMessage(context.terminal, redactText(text).trimEnd()),
    })
  }
  return program
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}
